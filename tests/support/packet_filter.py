# SPDX-License-Identifier: Apache-2.0
# Copyright the lpm authors
"""Run nft commands, of which the node has no program but CRIU's library: packet_filter.py COMMAND..."""
import ctypes
import sys

nft = ctypes.CDLL("libnftables.so.1")
nft.nft_ctx_new.restype = ctypes.c_void_p
context = ctypes.c_void_p(nft.nft_ctx_new(0))
for command in sys.argv[1:]:
    if nft.nft_run_cmd_from_buffer(context, command.encode()) != 0:
        sys.exit(1)
