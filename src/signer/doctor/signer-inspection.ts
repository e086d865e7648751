import { accessSync, constants, existsSync, readFileSync, statfsSync } from 'node:fs'
import { dirname } from 'node:path'
import type { Clock } from '../../domain/clock.js'
import { Refusal } from '../../domain/refusal.js'
import type { KeyRole } from '../../domain/trust/roles.js'
import type { TokenKey } from '../../token/token.port.js'
import { requireClock } from '../checks/clock.check.js'
import { chooseSigningKey, requireUnrevoked, requireUsable } from '../checks/signing-key.check.js'
import type { SignerConfig } from '../config.js'
import { ActiveLock } from '../host/active-lock.js'
import { errnoOf } from '../host/errno.js'
import type { MachineUptime } from '../host/system-clock.js'
import { inspectJournal } from '../journal/journal-file.js'
import { JournalMark } from '../journal/journal-mark.js'
import { PaceLedger } from '../online/pace-ledger.js'
import { ReleaseLedger } from '../release/release-ledger.js'
import { SignerState } from '../signer-state.js'
import type { Finding } from './step.js'

/** Less room than this leaves little time to notice. */
const LOW_DISK_BYTES = 64 * 1_048_576
const rolesOf: Readonly<Record<SignerConfig['SIGNER_PROCESS'], readonly KeyRole[]>> = {
  release: ['manifest-a', 'krl'],
  online: ['assignment', 'freshness'],
}

/** Looks at what a signer remembers and where it writes, and changes none of it; the signer may run meanwhile. */
export class SignerInspection {
  private state: SignerState | null = null

  constructor(
    private readonly config: SignerConfig,
    private readonly clock: Clock,
    private readonly uptime: MachineUptime,
  ) {}

  /** The pinned root: there, signed by its own threshold, of this namespace. */
  readRoot(): Finding {
    const { SIGNER_ROOT_FILE: path, SIGNER_NAMESPACE: expected, SIGNER_PROCESS: process } = this.config
    const ledger = process === 'release' ? new ReleaseLedger() : new PaceLedger()
    const state = new SignerState(process, readFile(path), this.uptime.bootId, ledger)
    const { namespace, version } = state.held.state.root
    if (namespace !== expected) throw new Refusal('WRONG_NAMESPACE', { expected, found: namespace })
    this.state = state
    return { found: `root ${version} of ${namespace}` }
  }

  /** Mark and host id lie beside the folder, so its parent has to be writable too. */
  async lookAtStateFolder(): Promise<Finding> {
    const { SIGNER_STATE_DIR: folder, SIGNER_HOST_ID_FILE: hostFile } = this.config
    if (hostFile !== undefined) readFile(hostFile)
    const isMade = existsSync(folder)
    for (const path of isMade ? [dirname(folder), folder] : [dirname(folder)]) requireFolder(path, constants.W_OK)
    const isActive = isMade && (await ActiveLock.isHeld(folder))
    const found = `${folder}, ${isActive ? 'a signer is active on it' : 'no signer is active on it'}`
    const freeBytes = freeBytesAt(dirname(folder))
    if (freeBytes >= LOW_DISK_BYTES) return { found }
    return {
      found,
      warning: `${Math.floor(freeBytes / 1_048_576)} MiB are left: a signer that cannot write refuses to sign`,
    }
  }

  /** Reads the journal from its beginning, as a start does. */
  readJournal(): Finding {
    const { SIGNER_STATE_DIR: folder, SIGNER_NAMESPACE: namespace } = this.config
    const state = this.rooted
    const mark = new JournalMark(folder).find()
    const end = inspectJournal(folder, namespace, (timed) => state.apply(timed), mark)
    if (end === null) return { found: 'none yet; the first start makes it' }
    const found = `${end.head.index} entries, the chain is whole`
    if (state.continuity.suspensionId !== null)
      return { found, warning: 'the signer is suspended: "countersign signer resume make" begins the way back' }
    if (!end.reachesMark || (mark === null && end.head.index > 0))
      return { found, warning: 'it is shorter than it was: the next start is suspended until people resume it' }
    return { found }
  }

  /** A key of each role of this process: listed by the newest root, active, unrevoked. */
  requireListedKeys(keys: readonly TokenKey[]): Finding {
    const { state } = this.rooted.held
    const now = this.clock.nowSeconds()
    const found = rolesOf[this.config.SIGNER_PROCESS].map((role) => {
      const key = chooseSigningKey(state, role, keys, now)
      requireUnrevoked(state, key)
      requireUsable(state.root, key, keys, now)
      return `${role} ${key.keyId.slice(0, 16)}…`
    })
    return { found: `root ${state.root.version} lists ${found.join(', ')}` }
  }

  lookAtPublishedFolder(): Finding {
    const { SIGNER_PUBLISHED_DIR: folder, SIGNER_PROCESS: process, PROFILE: profile } = this.config
    if (process === 'release') {
      requireFolder(existsSync(folder) ? folder : dirname(folder), constants.W_OK)
      return { found: `${folder}, may be written` }
    }
    requireFolder(folder, constants.R_OK)
    const found = `${folder}, may be read`
    if (profile === 'laptop' || !isWritable(folder)) return { found }
    return { found, warning: 'the online signer believes what is in it and could write it too: mount it read-only' }
  }

  lookAtSocketFolder(): Finding {
    const folder = dirname(this.config.SIGNER_SOCKET)
    requireFolder(folder, constants.W_OK)
    return { found: folder }
  }

  /** Check 4. */
  lookAtClock(): Finding {
    const now = requireClock(this.clock, this.uptime, this.rooted)
    return { found: new Date(now * 1_000).toISOString() }
  }

  private get rooted(): SignerState {
    if (this.state === null) throw new Error('the root was not read')
    return this.state
  }
}

function readFile(path: string): Uint8Array {
  try {
    return new Uint8Array(readFileSync(path))
  } catch (error) {
    throw new Refusal('FILE_UNREADABLE', { path, why: errnoOf(error) ?? 'failed' }, { cause: error })
  }
}

/** Asks the kernel, and writes nothing. */
function requireFolder(path: string, mode: number): void {
  try {
    accessSync(path, mode | constants.X_OK)
  } catch (error) {
    throw new Refusal('SIGNER_STORAGE', { why: `${path}: ${errnoOf(error) ?? 'failed'}` }, { cause: error })
  }
}

function isWritable(path: string): boolean {
  try {
    accessSync(path, constants.W_OK)
    return true
  } catch {
    return false
  }
}

function freeBytesAt(path: string): number {
  const { bavail, bsize } = statfsSync(path)
  return bavail * bsize
}
