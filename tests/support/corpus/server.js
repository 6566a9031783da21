// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
// node's http server, on a port or on a unix socket: server.js ADDRESS. Answers who it is and how often it was
// asked. It also does what such programs do beside: a timer, and files that libuv's threads read.
const crypto = require("crypto");
const fs = require("fs");
const http = require("http");

const nonce = crypto.randomBytes(8).toString("hex");
let requests = 0;

const server = http.createServer((_, response) => {
  response.setHeader("Content-Type", "application/json");
  response.end(JSON.stringify({ nonce, requests: ++requests }));
});
setInterval(() => fs.promises.readFile("/etc/hostname"), 200);
const address = process.argv[2];
if (address.startsWith("/")) server.listen(address);
else server.listen(Number(address), "127.0.0.1");
