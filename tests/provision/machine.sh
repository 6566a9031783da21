# SPDX-License-Identifier: Apache-2.0
# Copyright the lpm authors
# Sourced by the tests of vm/provision in a guest: the machine as a user has it before the steps that need no internet.
# shellcheck shell=bash

# shellcheck disable=SC2034 # who sources this runs it
provision=/opt/lpm-checkout/vm/provision/node
export KUBECONFIG=/etc/kubernetes/admin.conf

# An address and a way out, and what a node has of the internet: images. The distribution's runc is one without CRIU, as
# Ubuntu's: the root cause of the user's document. runc 1.2.5 has no switch for that, so a script in front of it refuses.
machine_before() {
    hostname lpm-provision
    echo "127.0.1.1 lpm-provision" >>/etc/hosts
    ip link add lpm0 type dummy
    ip address add 192.0.2.10/24 dev lpm0
    ip link set lpm0 up
    ip route add default via 192.0.2.1 dev lpm0
    cat >/usr/sbin/runc <<'TEXT'
#!/bin/sh
case "$*" in *"checkpoint --help"*) exit 1 ;; esac
exec /usr/libexec/runc-below "$@"
TEXT
    chmod 0755 /usr/sbin/runc
    cp /var/lib/lpm-provision/runc-1.2.5/runc /usr/libexec/runc-below
    cat >/etc/docker/registry/config.yml <<'TEXT'
version: 0.1
storage: {filesystem: {rootdirectory: /var/lib/registry}}
http: {addr: '127.0.0.1:5000'}
TEXT
    chown -R docker-registry:docker-registry /var/lib/registry
    systemctl restart docker-registry
    mkdir -p /etc/containers
    echo '{"default":[{"type":"insecureAcceptAnything"}]}' >/etc/containers/policy.json
    {
        echo 'unqualified-search-registries = ["docker.io"]'
        for name in docker.io registry.k8s.io; do
            printf '[[registry]]\nprefix = "%s"\nlocation = "%s"\n[[registry.mirror]]\nlocation = "127.0.0.1:5000"\ninsecure = true\n' \
                $name $name
        done
    } >/etc/containers/registries.conf
}

# What a second run must leave as it is: files by content, change and owner, units by the time of their start, objects by
# their version.
machine_state() {
    find /etc /usr/local /var/lib/lpm-provision /var/lib/kubelet/config.yaml /usr/lib/systemd /usr/sbin/runc -xdev \
        -not -name run.lock \( -type f -o -type l \) -printf '%p %C@ %m %u %g %l\n' | sort
    systemctl show --property=Id,ExecMainStartTimestampMonotonic crio kubelet lpm-controller lpm-gate.socket
    kubectl get containercheckpoints,pods,crd,clusterroles,clusterrolebindings,serviceaccounts,csr --all-namespaces \
        -o 'jsonpath={range .items[*]}{.kind} {.metadata.name} {.metadata.uid} {.metadata.generation}{"\n"}{end}' | grep -v '^Lease'
}

# What the daemons said last, for who reads of a failure.
words() {
    crictl ps --all
    crictl pods
    journalctl --no-pager --output=cat --lines=25 --unit=crio
    journalctl --no-pager --output=cat --lines=40 --unit=kubelet
    journalctl --no-pager --output=cat --lines=40 --unit=lpm-controller
    journalctl --no-pager --output=cat --lines=20 --unit=lpm-sidecar --unit=lpm-sidecar-enroll
}

checkpoint() {
    kubectl apply -f - <<TEXT
apiVersion: lpm.my.domain/v1
kind: ContainerCheckpoint
metadata:
  name: $1
spec:
  podName: $2
  containerName: nginx
TEXT
}
