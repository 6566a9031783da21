// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors

package main

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// What such a manager reads and writes of deploy/crd.yaml, no more: the cache keeps these and no other fields.

var groupVersion = schema.GroupVersion{Group: "lpm.my.domain", Version: "v1"}

type checkpointSpec struct {
	PodName       string `json:"podName"`
	ContainerName string `json:"containerName"`
}

type checkpointStatus struct {
	Phase            string `json:"phase,omitempty"`
	Message          string `json:"message,omitempty"`
	BoundContentName string `json:"boundContentName,omitempty"`
	Ready            bool   `json:"ready,omitempty"`
}

type ContainerCheckpoint struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	Spec   checkpointSpec   `json:"spec,omitempty"`
	Status checkpointStatus `json:"status,omitempty"`
}

func (c *ContainerCheckpoint) DeepCopyObject() runtime.Object {
	to := *c
	c.ObjectMeta.DeepCopyInto(&to.ObjectMeta)
	return &to
}

type ContainerCheckpointList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`

	Items []ContainerCheckpoint `json:"items"`
}

func (l *ContainerCheckpointList) DeepCopyObject() runtime.Object {
	to := &ContainerCheckpointList{TypeMeta: l.TypeMeta}
	l.ListMeta.DeepCopyInto(&to.ListMeta)
	for i := range l.Items {
		to.Items = append(to.Items, *l.Items[i].DeepCopyObject().(*ContainerCheckpoint))
	}
	return to
}

type contentSpec struct {
	Ref            map[string]string `json:"containerCheckpointRef"`
	PodNamespace   string            `json:"podNamespace"`
	PodName        string            `json:"podName"`
	ContainerName  string            `json:"containerName"`
	ArtifactURI    string            `json:"artifactURI"`
	DeletionPolicy string            `json:"deletionPolicy"`
}

type contentStatus struct {
	Ready   bool   `json:"ready,omitempty"`
	Message string `json:"message,omitempty"`
}

type ContainerCheckpointContent struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	Spec   contentSpec   `json:"spec,omitempty"`
	Status contentStatus `json:"status,omitempty"`
}

func (c *ContainerCheckpointContent) DeepCopyObject() runtime.Object {
	to := *c
	c.ObjectMeta.DeepCopyInto(&to.ObjectMeta)
	return &to
}

type ContainerCheckpointContentList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`

	Items []ContainerCheckpointContent `json:"items"`
}

func (l *ContainerCheckpointContentList) DeepCopyObject() runtime.Object {
	to := &ContainerCheckpointContentList{TypeMeta: l.TypeMeta}
	l.ListMeta.DeepCopyInto(&to.ListMeta)
	for i := range l.Items {
		to.Items = append(to.Items, *l.Items[i].DeepCopyObject().(*ContainerCheckpointContent))
	}
	return to
}
