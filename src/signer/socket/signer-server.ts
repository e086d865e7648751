import { chmodSync, lstatSync, rmSync } from 'node:fs'
import { createServer, type Server, type Socket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { Refusal } from '../../domain/refusal.js'
import { errnoOf } from '../host/errno.js'
import type { SignerOperations } from '../signer-operations.js'
import type { RequestLog } from './request-log.js'
import { SignerConnection } from './signer-connection.js'

const MAX_CONNECTIONS = 64
const DRAIN_MS = 5_000

/** The UNIX socket of a signer: for its own user and group (0660), in the folder that the configuration names. */
export class SignerServer {
  private readonly connections = new Map<Socket, SignerConnection>()
  private readonly server: Server

  private constructor(
    private readonly path: string,
    operations: SignerOperations,
    log: RequestLog,
  ) {
    this.server = createServer((socket) => {
      this.connections.set(socket, new SignerConnection(socket, operations, log))
      socket.once('close', () => this.connections.delete(socket))
    })
    this.server.maxConnections = MAX_CONNECTIONS
  }

  /**
   * Call while holding the lock of the state folder: a socket that is there already is then one that was left behind.
   * @throws Refusal `CONFIGURATION` when the path cannot be listened on.
   */
  static async listen(path: string, operations: SignerOperations, log: RequestLog): Promise<SignerServer> {
    const signer = new SignerServer(path, operations, log)
    try {
      if (lstatSync(path, { throwIfNoEntry: false })?.isSocket() === true) rmSync(path)
      await signer.bind()
      chmodSync(path, 0o660)
    } catch (error) {
      const why = `${path}: ${errnoOf(error) ?? 'cannot be listened on'}`
      throw new Refusal('CONFIGURATION', { name: 'SIGNER_SOCKET', why }, { cause: error })
    }
    return signer
  }

  /** Takes no more connections, gives requests under way time to be answered, then lets go. */
  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.server.close(() => resolve()))
    const until = performance.now() + DRAIN_MS
    while ([...this.connections.values()].some(({ isBusy }) => isBusy) && performance.now() < until) await delay(10)
    for (const socket of this.connections.keys()) socket.destroySoon()
    await closed
  }

  private bind(): Promise<void> {
    // Narrow from its first moment on: between bind and chmod nobody else gets in.
    const before = process.umask(0o117)
    return new Promise<void>((resolve, reject) => {
      this.server.once('error', reject)
      this.server.listen(this.path, resolve)
    }).finally(() => process.umask(before))
  }
}
