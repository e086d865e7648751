import { randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { connectAsync, ErrorWithReasonCode } from 'mqtt'
import { Refusal } from '../../domain/refusal.js'
import { BrokerAccounts } from './broker-accounts.port.js'
import { denyCertificates, writeWhole } from './broker-files.js'
import { passwordLine } from './broker-password.js'

const GATHER_MS = 20
const RETRY_MS = 25
const SIGNAL_AGAIN_MS = 250
const LIMIT_MS = 10_000
/** Logs in to see whether the broker has read the file. Its name fits no topic that anybody reads. */
const PROBE = 'countersign-probe'
/** MQTT 5 reason codes (3.2.2.2): bad user name or password, not authorized. */
const LOGIN_REFUSED = [134, 135]

export interface PasswordFileOptions {
  /** The device listener's `password_file`. One server writes it. */
  readonly passwordFile: string
  /** Mosquitto's `pid_file`. */
  readonly pidFile: string
  /** The device listener, `mqtt://127.0.0.1:1883`. */
  readonly listenerUrl: string
  /** `acl_file` of the listener for certificates, where there is one. */
  readonly certificateRulesFile?: string
}

/** Accounts in Mosquitto's password file, which it reads again on SIGHUP. Accounts that arrive together share one reload. */
export class PasswordFileAccounts extends BrokerAccounts {
  /** Lines by name; null for a login that is to go. */
  private waiting = new Map<string, string | null>()
  private next: Promise<void> | undefined
  private last: Promise<void> = Promise.resolve()

  constructor(private readonly options: PasswordFileOptions) {
    super()
  }

  override async add(username: string, password: string): Promise<void> {
    requireUsername(username)
    const line = await passwordLine(username, password)
    // Only now: while the hash was computed, another round may have begun.
    await this.change(username, line)
  }

  override async remove(username: string): Promise<void> {
    requireUsername(username)
    await this.change(username, null)
  }

  private async change(username: string, line: string | null): Promise<void> {
    this.waiting.set(username, line)
    if (this.next === undefined) {
      this.next = this.last.then(() => this.storeAndReload())
      this.last = this.next.catch(() => undefined)
    }
    await this.next
  }

  private async storeAndReload(): Promise<void> {
    await sleep(GATHER_MS)
    const batch = this.waiting
    // From here on an account belongs to the next round.
    this.waiting = new Map()
    this.next = undefined
    const probePassword = randomBytes(24).toString('base64url')
    batch.set(PROBE, await passwordLine(PROBE, probePassword))
    await this.store(batch)
    const gone = [...batch].flatMap(([name, line]) => (line === null ? [name] : []))
    if (this.options.certificateRulesFile !== undefined && gone.length > 0)
      await denyCertificates(this.options.certificateRulesFile, gone, Date.now() / 1_000)
    await this.reload(probePassword)
  }

  /** The broker may read at any moment, so it finds the old file or the new one, never half of one. */
  private async store(batch: ReadonlyMap<string, string | null>): Promise<void> {
    const { passwordFile } = this.options
    const held = (await readFile(passwordFile, 'utf8')).split('\n').filter((line) => line !== '')
    const kept = held.filter((line) => !batch.has(line.slice(0, line.indexOf(':'))))
    const added = [...batch.values()].filter((line) => line !== null)
    await writeWhole(passwordFile, [...kept, ...added, ''].join('\n'))
  }

  /**
   * A login is the only proof: Mosquitto 2.0 forgets a SIGHUP that arrives while it is still working on the one before,
   * so the signal is repeated until the password of this very round is accepted.
   */
  private async reload(probePassword: string): Promise<void> {
    const startedMs = performance.now()
    let signalledMs = -Infinity
    while (performance.now() - startedMs < LIMIT_MS) {
      if (performance.now() - signalledMs > SIGNAL_AGAIN_MS) {
        process.kill(await this.requireBrokerPid(), 'SIGHUP')
        signalledMs = performance.now()
      }
      if (await this.letsIn(probePassword)) return
      await sleep(RETRY_MS)
    }
    throw new Refusal('BROKER_UNAVAILABLE', { why: `did not read its password file again within ${LIMIT_MS} ms` })
  }

  private async letsIn(password: string): Promise<boolean> {
    try {
      const client = await connectAsync(this.options.listenerUrl, {
        username: PROBE,
        password,
        clientId: PROBE,
        protocolVersion: 5,
        reconnectPeriod: 0,
        connectTimeout: 2_000,
      })
      await client.endAsync()
      return true
    } catch (error) {
      if (error instanceof ErrorWithReasonCode && LOGIN_REFUSED.includes(error.code)) return false
      throw new Refusal('BROKER_UNAVAILABLE', { why: 'no connection to its device listener' }, { cause: error })
    }
  }

  /** A pid file that outlived its broker may name a stranger by now; on Linux that is seen. */
  private async requireBrokerPid(): Promise<number> {
    const pid = Number(await readFile(this.options.pidFile, 'utf8').catch(() => ''))
    const name =
      process.platform === 'linux' ? await readFile(`/proc/${pid}/comm`, 'utf8').catch(() => '') : 'mosquitto'
    if (Number.isSafeInteger(pid) && pid > 1 && name.trim() === 'mosquitto') return pid
    throw new Refusal('BROKER_UNAVAILABLE', { why: 'its pid file names no running broker' })
  }
}

/** `:` ends the name in the file, a line break starts another account, `+` and `#` are wildcards in the access rules. */
function requireUsername(username: string): void {
  if (/^[A-Za-z0-9._/-]{1,256}$/.test(username) && username !== PROBE) return
  throw new Refusal('REQUEST_INVALID', { field: 'username', why: 'not of the form product/environment/d/device' })
}
