// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "oci/cgroup.hpp"

#include <gtest/gtest.h>

using lpm::oci::in_cgroup_of;

TEST(Cgroup, of_a_container_by_its_path) {
    EXPECT_TRUE(in_cgroup_of("0::/kubepods/besteffort/crio-a\n", "/kubepods/besteffort/crio-a", "a"));
    EXPECT_TRUE(in_cgroup_of("4:memory:/x\n1:cpu:/kubepods/crio-a/below", "/kubepods/crio-a", "a"));
    EXPECT_TRUE(in_cgroup_of("0::/own/pods/crio-a\n", "pods/crio-a", "a")) << "below the runtime's own";
    for (const char* every : {"/", ":", "x.slice:"})
        EXPECT_FALSE(in_cgroup_of("0::/x.slice\n1:cpu:/\n", every, "a")) << every;
    for (const char* other : {"0::/x/kubepods/crio-a\n", "0::/kubepods/crio-ab\n", "0::/kubepods\n", "0::/\n",
                              "", "0::\n", "/kubepods/crio-a", "0:/kubepods/crio-a"})
        EXPECT_FALSE(in_cgroup_of(other, "/kubepods/crio-a", "a")) << other;
}

TEST(Cgroup, of_a_container_by_its_scope) {
    const char* path = "kubepods-besteffort.slice:crio:a";
    EXPECT_TRUE(in_cgroup_of("0::/kubepods.slice/kubepods-besteffort.slice/crio-a.scope\n", path, "a"));
    EXPECT_TRUE(in_cgroup_of("0::/kubepods.slice/crio-a.scope/container\n", path, "a"));
    EXPECT_FALSE(in_cgroup_of("0::/kubepods.slice/xcrio-a.scope\n", path, "a"));
    EXPECT_FALSE(in_cgroup_of("0::/kubepods.slice/crio-a.scope.d\n", path, "a"));
    EXPECT_TRUE(in_cgroup_of("0::/x.slice/a.scope\n", "x.slice::a", "a"));
    EXPECT_TRUE(in_cgroup_of("0::/x.slice/a.slice\n", "x.slice::a.slice", "a"));
}

TEST(Cgroup, of_a_container_that_names_none) {
    EXPECT_TRUE(in_cgroup_of("0::/user.slice/a\n", "", "a"));
    EXPECT_TRUE(in_cgroup_of("0::/system.slice/runc-a.scope\n", "", "a"));
    EXPECT_FALSE(in_cgroup_of("0::/system.slice/ssh-a.scope\n", "", "a"));
    EXPECT_FALSE(in_cgroup_of("0::/user.slice/ab\n", "", "a"));
    EXPECT_FALSE(in_cgroup_of("0::/docker/b\n", "", "docker")) << "other containers";
}
