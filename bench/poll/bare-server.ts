import { createServer } from 'node:http'

/** The reference: `node:http` that answers every request with the same bytes, and asks nobody who they are. */
process.once('message', (message: { headers: Record<string, string>; body: string }) => {
  const { headers, body } = message
  const server = createServer((_request, response) => {
    response.writeHead(200, headers)
    // The plain way, which node:http puts into one system call.
    response.end(body, 'latin1')
  })
  server.keepAliveTimeout = 60_000
  server.listen(0, '127.0.0.1', () => process.send?.(server.address()))
})
