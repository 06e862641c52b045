// Connections: the HTTP server with every bound set. Node and Fastify leave several open by default
// (a request may take for ever); here all are written down, with what they are for.
//
// How many connections there may be is decided by who knows how many files the process may open
// (src/threads/open-files.ts).
//
// The server knows nothing of the app behind it: a thread that owns sockets hands its requests to
// the app of the day (src/threads/http-thread.ts).

import { createServer } from 'node:http'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'

const HEADERS_SIZE_MAX = 16 * 1024
const HEADERS_MS = 15_000
/** A whole request: 25 MB at 1 Mbit/s. */
const REQUEST_MS = 240_000
/** Silence on a connection in the middle of a request or an answer. */
const SILENCE_MS = 60_000
/** Silence between requests; proxies keep theirs for 60 s, and should be the first to hang up. */
const KEEP_ALIVE_MS = 72_000
const REQUESTS_PER_SOCKET_MAX = 100_000

/** Makes the server; it does not listen yet. */
export function createConnections(
  serve: (request: IncomingMessage, response: ServerResponse) => void,
): Server {
  const server = createServer(
    {
      maxHeaderSize: HEADERS_SIZE_MAX,
      headersTimeout: HEADERS_MS,
      requestTimeout: REQUEST_MS,
      keepAliveTimeout: KEEP_ALIVE_MS,
    },
    serve,
  )
  server.maxRequestsPerSocket = REQUESTS_PER_SOCKET_MAX
  server.setTimeout(SILENCE_MS)
  return server
}
