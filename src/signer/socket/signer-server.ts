import { chmodSync, lstatSync, rmSync } from 'node:fs'
import { createServer, type Server, type Socket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { Refusal } from '../../domain/refusal.js'
import { errnoOf } from '../host/errno.js'
import type { SignerOperations } from '../signer-operations.js'
import { FairShare } from './fair-share.js'
import type { RequestLog } from './request-log.js'
import { SignerConnection, type ConnectionLimits } from './signer-connection.js'

/** How many may be connected, and how long one of them may take. */
export interface SocketLimits extends ConnectionLimits {
  readonly connections: number
}
const usualLimits: SocketLimits = { connections: 64, stallMs: 60_000, frameMs: 60_000 }
const DRAIN_MS = 5_000

/** The UNIX socket of a signer: for its own user and group (0660), in the folder that the configuration names. */
export class SignerServer {
  private readonly connections = new Map<Socket, SignerConnection>()
  private readonly server: Server
  /** Called when the last connection is gone. */
  private emptied: (() => void) | null = null

  private constructor(
    private readonly path: string,
    operations: SignerOperations,
    log: RequestLog,
    limits: SocketLimits,
  ) {
    const share = new FairShare()
    this.server = createServer({ pauseOnConnect: true }, (accepted) => {
      if (this.connections.size >= limits.connections && !this.dropLongestIdle()) {
        accepted.destroy()
        return
      }
      const connection = new SignerConnection(accepted, operations, log, limits, share)
      const { socket } = connection
      this.connections.set(socket, connection)
      socket.once('close', () => {
        this.connections.delete(socket)
        if (this.connections.size === 0) this.emptied?.()
      })
    })
  }

  /**
   * Call while holding the lock of the state folder: a socket that is there already is then one that was left behind.
   * @throws Refusal `CONFIGURATION` when the path cannot be listened on.
   */
  static async listen(
    path: string,
    operations: SignerOperations,
    log: RequestLog,
    limits: SocketLimits = usualLimits,
  ): Promise<SignerServer> {
    const signer = new SignerServer(path, operations, log, limits)
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

  get connectionCount(): number {
    return this.connections.size
  }

  /** Takes no more connections, gives requests under way time to be answered, then lets go. */
  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.server.close(() => resolve()))
    const until = performance.now() + DRAIN_MS
    while ([...this.connections.values()].some(({ isBusy }) => isBusy) && performance.now() < until) await delay(10)
    const emptied = new Promise<void>((resolve) => {
      this.emptied = resolve
      if (this.connections.size === 0) resolve()
    })
    for (const socket of this.connections.keys()) socket.destroySoon()
    await Promise.all([closed, emptied])
  }

  /**
   * Whoever is connected and asks nothing gives way to whoever comes: no number of idle or half-sent connections shuts others out.
   * @returns false when every connection is owed an answer.
   */
  private dropLongestIdle(): boolean {
    const [longest] = [...this.connections]
      .filter(([, { isBusy }]) => !isBusy)
      .sort(([, a], [, b]) => a.lastProgressMs - b.lastProgressMs)
    if (longest === undefined) return false
    const [socket] = longest
    this.connections.delete(socket)
    socket.destroy()
    return true
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
