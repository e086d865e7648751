import { createServer, connect, type AddressInfo, type Server, type Socket } from 'node:net'
import { once } from 'node:events'

/** Passes bytes on to a server, sees what clients ask, and can cut or slow down what comes back. */
export class CuttingProxy {
  /** The beginnings of requests, as they came. */
  readonly requests: string[] = []
  /** Cuts the answer to a request that has this in its first line after so many bytes; as often as `cutTimes` says. */
  cutAfterBytes = Number.MAX_SAFE_INTEGER
  cutTimes = 0
  /** Bytes a second of each answer; without limit by default. */
  bytesPerSecond = Number.MAX_SAFE_INTEGER
  /** Passed on of answers with artifacts. */
  artifactBytes = 0
  private readonly sockets = new Set<Socket>()

  private constructor(
    private readonly server: Server,
    private readonly port: number,
  ) {}

  static async start(port: number): Promise<CuttingProxy> {
    const server = createServer()
    const proxy = new CuttingProxy(server, port)
    server.on('connection', (client) => proxy.pass(client))
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    return proxy
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`
  }

  async stop(): Promise<void> {
    for (const socket of this.sockets) socket.destroy()
    this.server.close()
    await once(this.server, 'close')
  }

  private pass(client: Socket): void {
    const server = connect(this.port, '127.0.0.1')
    for (const socket of [client, server]) {
      this.sockets.add(socket)
      socket.on('close', () => this.sockets.delete(socket))
      // The other end went away: that is what this is for.
      socket.on('error', () => socket.destroy())
    }
    let isArtifact = false
    let passedBytes = 0
    client.on('data', (chunk) => {
      const text = chunk.toString('latin1')
      if (/^[A-Z]+ \//.test(text)) {
        this.requests.push(text)
        isArtifact = /^GET \S+\/artifacts\//.test(text)
        passedBytes = 0
      }
      server.write(chunk)
    })
    server.on('data', (chunk) => {
      passedBytes += chunk.length
      if (isArtifact && this.cutTimes > 0 && passedBytes > this.cutAfterBytes) {
        this.cutTimes -= 1
        client.write(chunk.subarray(0, Math.max(0, chunk.length - (passedBytes - this.cutAfterBytes))))
        client.destroySoon()
        server.destroy()
        return
      }
      client.write(chunk)
      if (isArtifact) this.artifactBytes += chunk.length
      if (!isArtifact || this.bytesPerSecond === Number.MAX_SAFE_INTEGER) return
      server.pause()
      setTimeout(() => server.resume(), (chunk.length * 1_000) / this.bytesPerSecond)
    })
    client.on('close', () => server.destroy())
    server.on('close', () => client.destroySoon())
  }
}
