import { once } from 'node:events'
import { type AddressInfo, createServer, type Server } from 'node:net'
import { Refusal } from '../domain/refusal.js'

const LOOPBACK = '127.0.0.1'

/**
 * TCP ports of 127.0.0.1 on which nobody listens now, each different. Nothing reserves them afterwards: whoever
 * uses one starts soon and says so when it was taken meanwhile.
 */
export async function findFreePorts(count: number): Promise<number[]> {
  // All are held at once, or the system could hand out the same one twice.
  const held = await Promise.all(Array.from({ length: count }, () => listen(0)))
  const ports = held.map((server) => (server.address() as AddressInfo).port)
  await Promise.all(held.map(close))
  return ports
}

/** One port of `findFreePorts`. */
export async function findFreePort(): Promise<number> {
  const [port] = await findFreePorts(1)
  if (port === undefined) throw new Error('the system gave no port')
  return port
}

/** @throws Refusal `PORT_BUSY` when somebody listens on that port of 127.0.0.1 already. */
export async function requireFreePort(port: number): Promise<void> {
  try {
    await close(await listen(port))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error
    throw new Refusal('PORT_BUSY', { port }, { cause: error })
  }
}

async function listen(port: number): Promise<Server> {
  const server = createServer()
  server.listen(port, LOOPBACK)
  await once(server, 'listening')
  return server
}

async function close(server: Server): Promise<void> {
  server.close()
  await once(server, 'close')
}
