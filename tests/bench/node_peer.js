// What the gateway is measured against: Node's own http server, and one write for each reader and event.
// Argument: port. `GET` of anything opens a stream; `POST /publish?id=ID` sends its body to all of them.
"use strict";
const http = require("node:http");

const readers = new Set();

function open(response) {
  response.writeHead(200, { "Content-Type": "text/event-stream", "Cache-Control": "no-cache" });
  response.flushHeaders();
  readers.add(response);
  response.on("close", () => readers.delete(response));
}

function publish(request, response) {
  const id = new URL(request.url, "http://bench").searchParams.get("id");
  let body = "";
  request.on("data", (piece) => (body += piece));
  request.on("end", () => {
    const event = Buffer.from(`id: ${id}\ndata: ${body}\n\n`);
    for (const reader of readers) reader.write(event);
    response.writeHead(202).end();
  });
}

http
  .createServer((request, response) => (request.method === "POST" ? publish(request, response) : open(response)))
  .listen({ port: Number(process.argv[2]), host: "127.0.0.1", backlog: 4096 });
