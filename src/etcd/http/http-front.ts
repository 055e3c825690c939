import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { isIP } from "node:net";
import type { Front } from "../call/front.ts";
import type { ClientConnection, Connections } from "../grpc/connections.ts";
import { minorVersion } from "../maintenance/maintenance-service.ts";
import type { Metrics } from "../metrics/metrics.ts";
import type { Gateway } from "./gateway.ts";
import { PROBES, whyUnhealthy } from "./health.ts";

const HEADER_BYTES_MAX = 16 * 1024;

/** What is answered over HTTP/1.1: health, version, metrics, and, where there is a gateway, etcd's JSON. */
export function httpFront(
  front: Front,
  metrics: Metrics,
  connections: Connections,
  gateway: Gateway | null,
): Server {
  // Node's own timeouts for requests only work for servers that listen themselves: `connections` has them here.
  const server = createServer({ maxHeaderSize: HEADER_BYTES_MAX }, (request, response) => {
    const connection = connections.of(request.socket);
    connection.begin(request, response);
    if (connection.isReserve) response.setHeader("connection", "close");
    // A client that goes away in the middle is no error of ours.
    request.on("error", () => {});
    response.on("error", () => {});
    const [path = "/", query] = (request.url ?? "/").split("?", 2);
    if (gateway?.has(path) === true && connection.isReserve)
      sendText(response, 503, "too many connections: only health, version and metrics are served\n");
    else if (gateway?.has(path) === true) serveGateway(gateway, path, connection, request, response);
    else {
      const searched = new URLSearchParams(query);
      serveInsight(front, metrics, path, searched, request, response).catch(() => response.destroy());
    }
  });
  // Between requests, or with an answer that is not read.
  server.on("timeout", (socket) => {
    if (!connections.of(socket).isInExchange || socket.writableLength > 0) socket.destroy();
  });
  return server;
}

function serveGateway(
  gateway: Gateway,
  path: string,
  connection: ClientConnection,
  request: IncomingMessage,
  response: ServerResponse,
): void {
  if (request.method !== "POST") sendText(response, 405, "Method Not Allowed\n");
  else if (isForeign(request)) sendText(response, 421, "this host is not served here\n");
  else gateway.serve(path, connection, request, response);
}

/**
 * Whether a web page of another origin asks, or one that had its name point here (CVE-2018-1098, CVE-2018-1099):
 * browsers send what they are told to anybody, but they do tell the name by which they came.
 */
function isForeign({ headers, socket }: IncomingMessage): boolean {
  const { origin, host = "" } = headers;
  if (origin !== undefined && !origin.endsWith(`//${host}`)) return true;
  const name = host.replace(/:\d+$/, "").replace(/^\[(.*)\]$/, "$1");
  const isLocal =
    socket.remoteAddress !== undefined && /^(::1|127\.|::ffff:127\.)/.test(socket.remoteAddress);
  return isLocal && isIP(name) === 0 && name !== "localhost" && !("encrypted" in socket);
}

async function serveInsight(
  front: Front,
  metrics: Metrics,
  path: string,
  query: URLSearchParams,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const [, page = "", check = null, ...rest] = path.split("/");
  const isKnown = (PAGES.has(page) && check === null) || (page in PROBES && rest.length === 0);
  if (!isKnown) sendText(response, 404, "404 page not found\n");
  else if (request.method !== "GET") sendText(response, 405, "Method Not Allowed\n");
  else if (page === "health") await serveHealthPage(front, metrics, query, response);
  else if (page === "version") serveVersion(front, response);
  else if (page === "metrics") metrics.serve(response);
  else await serveProbe(front, page, check, query, response);
}

const PAGES: ReadonlySet<string> = new Set(["health", "version", "metrics"]);

async function serveHealthPage(
  front: Front,
  metrics: Metrics,
  query: URLSearchParams,
  response: ServerResponse,
): Promise<void> {
  const reason = await whyUnhealthy(front, query.getAll("exclude"), query.get("serializable") === "true");
  const body = JSON.stringify({ health: String(reason === null), reason: reason ?? "" });
  metrics.checked(reason === null);
  if (reason === null) send(response, 200, "application/json", body);
  else sendText(response, 503, `${body}\n`);
}

function serveVersion(front: Front, response: ServerResponse): void {
  const { version } = front.settings;
  const storage = minorVersion(version);
  const etcdcluster = front.standing.leader === undefined ? "not_decided" : storage;
  send(response, 200, "application/json", JSON.stringify({ etcdserver: version, etcdcluster, storage }));
}

async function serveProbe(
  front: Front,
  probe: string,
  only: string | null,
  query: URLSearchParams,
  response: ServerResponse,
): Promise<void> {
  const checks = Object.entries(PROBES[probe]!).filter(([name]) => {
    return only === null ? !query.getAll("exclude").includes(name) : name === only;
  });
  if (only !== null && checks.length === 0) {
    sendText(response, 404, "404 page not found\n");
    return;
  }
  const reasons = await Promise.all(checks.map(async ([name, check]) => [name, await check(front)] as const));
  const lines = reasons.map(([name, reason]) =>
    reason === null ? `[+]${name} ok\n` : `[-]${name} failed: ${reason}\n`,
  );
  const isWell = reasons.every(([, reason]) => reason === null);
  if (!isWell) sendText(response, 503, lines.join(""));
  else sendText(response, 200, `${query.has("verbose") ? lines.join("") : ""}ok\n`);
}

function sendText(response: ServerResponse, status: number, text: string): void {
  send(response, status, "text/plain; charset=utf-8", text);
}

function send(response: ServerResponse, status: number, type: string, body: string): void {
  response.writeHead(status, { "content-type": type, "x-content-type-options": "nosniff" });
  response.end(body);
}
