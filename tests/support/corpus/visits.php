<?php
// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
// When OPcache was started, and how often it had a script: one more with each visit, as it has this one only.
$statistics = opcache_get_status(false)["opcache_statistics"];
echo $statistics["start_time"], " ", $statistics["hits"], "\n";
