import { randomBytes } from 'node:crypto'
import { linkSync, readdirSync, rmSync } from 'node:fs'
import { connect, createServer, type Server } from 'node:net'
import { join } from 'node:path'
import { Refusal } from '../../domain/refusal.js'
import { errnoOf } from './errno.js'

/** At most this many signers may start at once on one folder before one of them gives up. */
const ATTEMPTS = 16

/**
 * One active signer for a state folder. The lock is a listening socket, so it ends with its process however that ends,
 * and it is seen from other sandboxes that share the folder. Sockets that nobody listens on stay behind as files `lock.<n>`;
 * whoever takes over links number n + 1, which only one can, and nobody removes a number that is not below the own.
 */
export class ActiveLock {
  private constructor(
    private readonly server: Server,
    private readonly path: string,
  ) {}

  /** @throws Refusal `SIGNER_LOCKED` while another process holds the lock, `SIGNER_STORAGE`. */
  static async take(folder: string): Promise<ActiveLock> {
    const draft = join(folder, `.lock-${randomBytes(3).toString('hex')}`)
    const server = await listen(draft)
    try {
      const path = await link(folder, draft)
      rmSync(draft, { force: true })
      return new ActiveLock(server, path)
    } catch (error) {
      server.close()
      throw error
    }
  }

  /** True while somebody holds the lock of this folder; takes nothing. */
  static async isHeld(folder: string): Promise<boolean> {
    const highest = Math.max(0, ...numbersIn(folder))
    return highest > 0 && (await isListening(lockPath(folder, highest)))
  }

  release(): void {
    rmSync(this.path, { force: true })
    this.server.close()
  }
}

async function link(folder: string, draft: string): Promise<string> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    const highest = Math.max(0, ...numbersIn(folder))
    if (highest > 0 && (await isListening(lockPath(folder, highest))))
      throw new Refusal('SIGNER_LOCKED', { why: `another signer is active on ${folder}` })
    const own = highest + 1
    const path = lockPath(folder, own)
    if (!tryLink(draft, path)) continue
    const present = numbersIn(folder)
    // Somebody went past while we slept between looking and linking: theirs is the lock.
    if (Math.max(...present) > own) {
      rmSync(path, { force: true })
      continue
    }
    for (const number of present) if (number < own) rmSync(lockPath(folder, number), { force: true })
    return path
  }
  throw new Refusal('SIGNER_LOCKED', { why: `too many signers start on ${folder}` })
}

const lockPath = (folder: string, number: number): string => join(folder, `lock.${number}`)

const numbersIn = (folder: string): number[] =>
  readdirSync(folder).flatMap((name) => {
    const match = /^lock\.(\d{1,15})$/.exec(name)
    return match === null ? [] : [Number(match[1])]
  })

function tryLink(draft: string, path: string): boolean {
  try {
    linkSync(draft, path)
    return true
  } catch (error) {
    if (errnoOf(error) === 'EEXIST') return false
    throw error
  }
}

function listen(path: string): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => socket.destroy())
    server.once('error', (error) =>
      reject(new Refusal('SIGNER_STORAGE', { why: `lock ${path}: ${errnoOf(error) ?? 'failed'}` }, { cause: error })),
    )
    server.listen(path, () => resolve(server))
    server.unref()
  })
}

/** True when somebody listens; refused and missing mean that nobody does, anything else is not decided and counts as held. */
function isListening(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path)
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', (error) => resolve(!['ECONNREFUSED', 'ENOENT'].includes(errnoOf(error) ?? '')))
  })
}
