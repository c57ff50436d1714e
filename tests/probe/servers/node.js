// Node's own server: good, or with one mistake. Arguments: port, keep-alive in milliseconds, what to answer at /.
const [port, keepAlive, mistake] = process.argv.slice(2);
const http = require("node:http");

const server = http.createServer({ maxHeaderSize: 128 * 1024 }, (request, response) => {
  request.resume();
  request.on("end", () => {
    if (mistake === "large-header" && request.url === "/") response.setHeader("X-Large", "x".repeat(40000));
    response.setHeader("X-Powered-By", "Express");
    response.end("ok");
  });
});
server.keepAliveTimeout = Number(keepAlive);
server.headersTimeout = Number(keepAlive) + 1000;
server.listen(Number(port), "127.0.0.1");
