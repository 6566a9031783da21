// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors

// manager does what lpm-controller does to an object that goes well, as a small controller-runtime manager would: typed
// structs of a few fields, the default cache of both kinds, leader election, the same objects written. It checks nothing,
// and asks nobody who else may act.
package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/events"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/config"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/log/zap"
	"sigs.k8s.io/controller-runtime/pkg/metrics/server"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
)

type reconciler struct {
	client.Client
	live    client.Reader // pods are not cached: one is read for each checkpoint
	kubelet string
	http    *http.Client
	events  events.EventRecorder
}

func (r *reconciler) Reconcile(ctx context.Context, request ctrl.Request) (ctrl.Result, error) {
	var object ContainerCheckpoint
	if err := r.Get(ctx, request.NamespacedName, &object); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	if object.Status.Phase != "" {
		return ctrl.Result{}, nil
	}
	var pod corev1.Pod
	if err := r.live.Get(ctx, client.ObjectKey{Namespace: object.Namespace, Name: object.Spec.PodName}, &pod); err != nil {
		return ctrl.Result{}, err
	}
	seen := object
	object.Status.Phase = "Running"
	object.Status.Message = "checkpointing container " + object.Spec.ContainerName
	locked := client.MergeFromWithOptions(&seen, client.MergeFromWithOptimisticLock{})
	if err := r.Status().Patch(ctx, &object, locked); err != nil {
		return ctrl.Result{}, err
	}
	r.events.Eventf(&object, nil, corev1.EventTypeNormal, "CheckpointStarted", "Checkpoint", "%s", object.Status.Message)
	archive, err := r.checkpoint(ctx, &object)
	if err != nil {
		return ctrl.Result{}, err
	}
	content := &ContainerCheckpointContent{
		ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprintf("%s.%s.%.8s", object.Namespace, object.Name, object.UID)},
		Spec: contentSpec{
			Ref: map[string]string{"apiVersion": groupVersion.String(), "kind": "ContainerCheckpoint",
				"namespace": object.Namespace, "name": object.Name, "uid": string(object.UID)},
			PodNamespace: object.Namespace, PodName: pod.Name, ContainerName: object.Spec.ContainerName,
			ArtifactURI: "file://" + archive, DeletionPolicy: "Retain",
		},
	}
	if err := r.Create(ctx, content); err != nil {
		return ctrl.Result{}, err
	}
	made := *content
	content.Status = contentStatus{Ready: true, Message: "done"}
	if err := r.Status().Patch(ctx, content, client.MergeFrom(&made)); err != nil {
		return ctrl.Result{}, err
	}
	seen = object
	object.Status = checkpointStatus{Phase: "Completed", Message: "done", BoundContentName: content.Name, Ready: true}
	if err := r.Status().Patch(ctx, &object, client.MergeFrom(&seen)); err != nil {
		return ctrl.Result{}, err
	}
	r.events.Eventf(&object, nil, corev1.EventTypeNormal, "CheckpointCompleted", "Checkpoint", "archive %s", archive)
	return ctrl.Result{}, nil
}

// checkpoint asks the kubelet, as the user of the kubeconfig.
func (r *reconciler) checkpoint(ctx context.Context, object *ContainerCheckpoint) (string, error) {
	url := fmt.Sprintf("%s/checkpoint/%s/%s/%s", r.kubelet, object.Namespace, object.Spec.PodName, object.Spec.ContainerName)
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, url, http.NoBody)
	if err != nil {
		return "", err
	}
	answer, err := r.http.Do(request)
	if err != nil {
		return "", err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		return "", err
	}
	var made struct{ Items []string }
	if err := json.NewDecoder(bytes.NewReader(body)).Decode(&made); err != nil || len(made.Items) != 1 {
		return "", fmt.Errorf("kubelet: %d: %s", answer.StatusCode, body)
	}
	return made.Items[0], nil
}

func run() error {
	kubelet := flag.String("kubelet", "", "URL of the node's kubelet")
	metrics := flag.String("metrics", "127.0.0.1:18090", "where metrics are")
	name := flag.String("server-name", "node2", "what the kubelet's certificate names")
	flag.Parse()
	ctrl.SetLogger(zap.New())
	access, err := config.GetConfig()
	if err != nil {
		return err
	}
	access.QPS = -1 // no waiting of its own
	if err := rest.LoadTLSFiles(access); err != nil {
		return err
	}
	authorities := x509.NewCertPool()
	authorities.AppendCertsFromPEM(access.CAData)
	scheme := runtime.NewScheme()
	if err := corev1.AddToScheme(scheme); err != nil {
		return err
	}
	scheme.AddKnownTypes(groupVersion, &ContainerCheckpoint{}, &ContainerCheckpointList{},
		&ContainerCheckpointContent{}, &ContainerCheckpointContentList{})
	metav1.AddToGroupVersion(scheme, groupVersion)
	manager, err := ctrl.NewManager(access, ctrl.Options{
		Scheme:                        scheme,
		LeaderElection:                true,
		LeaderElectionID:              "manager",
		LeaderElectionNamespace:       "lpm-system",
		LeaderElectionReleaseOnCancel: true,
		Metrics:                       server.Options{BindAddress: *metrics},
		Cache:                         cache.Options{DefaultTransform: cache.TransformStripManagedFields()},
	})
	if err != nil {
		return err
	}
	reconciler := &reconciler{
		Client: manager.GetClient(), live: manager.GetAPIReader(), kubelet: *kubelet,
		http: &http.Client{Transport: &http.Transport{DisableKeepAlives: true,
			TLSClientConfig: &tls.Config{RootCAs: authorities, ServerName: *name}}},
		events: manager.GetEventRecorder("manager"),
	}
	never := predicate.Funcs{CreateFunc: func(event.CreateEvent) bool { return false },
		UpdateFunc: func(event.UpdateEvent) bool { return false }}
	err = ctrl.NewControllerManagedBy(manager).For(&ContainerCheckpoint{}).
		Watches(&ContainerCheckpointContent{}, &handler.EnqueueRequestForObject{}, builder.WithPredicates(never)).
		WithOptions(controller.Options{MaxConcurrentReconciles: 4}).Complete(reconciler)
	if err != nil {
		return err
	}
	return manager.Start(ctrl.SetupSignalHandler())
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "manager:", err)
		os.Exit(1)
	}
}
