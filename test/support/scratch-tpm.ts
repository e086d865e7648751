import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ManagedProcess } from '../../src/embedded/managed-process.js'
import { requireProgram } from '../../src/embedded/system-package.js'
import { fromHex } from '../../src/domain/bytes.js'
import { initToken } from '../../src/token/init-token.js'
import { pinFromFile } from '../../src/token/pin-file.js'
import type { TokenAccess } from '../../src/token/token-session.js'
import { processEnv, type TokenUnderTest } from './scratch-token.js'

const modulePlaces = [
  '/usr/lib/x86_64-linux-gnu/pkcs11/libtpm2_pkcs11.so',
  '/usr/lib/aarch64-linux-gnu/pkcs11/libtpm2_pkcs11.so',
  '/usr/lib64/pkcs11/libtpm2_pkcs11.so',
]

/** Homebrew has no PKCS#11 module for a TPM; everywhere else a missing one fails the tests. */
export const isTpmExpected = process.platform === 'linux'

/** TPM2_Shutdown(TPM_SU_CLEAR), TPM 2.0 Part 3 §9.4. */
const SHUTDOWN = fromHex('80010000000c000001450000')

/** A TPM 2.0 in software (swtpm) and tpm2-pkcs11 in front of it, in a folder and on sockets of its own. */
export class ScratchTpm implements TokenUnderTest {
  private power: ManagedProcess | null = null
  readonly refuseSoftToken = false
  readonly pin = '24680-user'
  readonly pinFile: string
  readonly readPin: TokenUnderTest['readPin']
  private readonly before: NodeJS.ProcessEnv

  private constructor(
    readonly folder: string,
    readonly modulePath: string,
    readonly label: string,
  ) {
    this.pinFile = join(folder, 'pin')
    this.readPin = pinFromFile(this.pinFile)
    this.before = Object.fromEntries(Object.keys(this.environment).map((name) => [name, processEnv[name]]))
    Object.assign(processEnv, this.environment)
  }

  /** A fresh TPM with one token. As `createScratchToken`, it points the environment of this process to it. */
  static async create(label = 'tpm'): Promise<ScratchTpm> {
    const modulePath = modulePlaces.find((place) => existsSync(place))
    if (modulePath === undefined) throw new Error('libtpm2-pkcs11-1 is not installed: run scripts/setup --tests')
    const folder = mkdtempSync(join(tmpdir(), 'cs-tpm-'))
    for (const name of ['state', 'store']) mkdirSync(join(folder, name), { mode: 0o700 })
    const tpm = new ScratchTpm(folder, modulePath, label)
    writeFileSync(tpm.pinFile, `${tpm.pin}\n`, { mode: 0o600 })
    try {
      await tpm.putBack()
      initToken({ modulePath, label, soPin: '13579-officer', userPin: tpm.pin })
      await tpm.powerCycle()
      return tpm
    } catch (error) {
      await tpm.dispose()
      throw error
    }
  }

  get access(): TokenAccess {
    const { modulePath, label, readPin, refuseSoftToken } = this
    return { modulePath, label, readPin, refuseSoftToken }
  }

  /** What a process needs to reach this TPM. */
  get environment(): Record<string, string> {
    return {
      TPM2_PKCS11_STORE: join(this.folder, 'store'),
      TPM2_PKCS11_TCTI: `swtpm:path=${this.socket}`,
      TPM2_PKCS11_LOG_LEVEL: '0',
      TSS2_LOG: 'all+none',
    }
  }

  /**
   * Off and on again, in order. A TPM holds three loaded keys, and between processes and a chip it is the kernel that makes
   * room (/dev/tpmrm0); here nobody does, so whoever is done with the module empties it this way. The module must be closed.
   */
  async powerCycle(): Promise<void> {
    await this.shutDown()
    await this.pull()
    await this.putBack()
  }

  /** Power gone in the middle of whatever it is doing. The TPM counts that as one wrong PIN, of the three that it has. */
  async pull(): Promise<void> {
    await this.power?.stop()
    this.power = null
    for (const end of ['', '.ctrl']) rmSync(`${this.socket}${end}`, { force: true })
  }

  async putBack(): Promise<void> {
    const command = [
      requireProgram('swtpm'),
      ...['socket', '--tpm2', '--flags', 'not-need-init,startup-clear'],
      ...['--tpmstate', `dir=${join(this.folder, 'state')}`],
      ...['--server', `type=unixio,path=${this.socket}`],
      ...['--ctrl', `type=unixio,path=${this.socket}.ctrl`],
    ]
    const logFile = join(this.folder, 'swtpm.log')
    // Its socket is a file before anybody listens on it.
    const isReady = (): Promise<boolean> =>
      new Promise((resolve) => {
        const socket = connect(this.socket, () => {
          socket.destroy()
          resolve(true)
        })
        socket.once('error', () => resolve(false))
      })
    this.power = await ManagedProcess.start({ name: 'swtpm', command, logFile, isReady, stopSignal: 'SIGKILL' })
  }

  async dispose(): Promise<void> {
    await this.pull()
    for (const [name, value] of Object.entries(this.before))
      if (value === undefined) delete processEnv[name]
      else processEnv[name] = value
    rmSync(this.folder, { recursive: true })
  }

  private get socket(): string {
    return join(this.folder, 'tpm')
  }

  private async shutDown(): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      const socket = connect(this.socket, () => socket.write(SHUTDOWN))
      // It speaks to one at a time: somebody who has the module open keeps it from answering us.
      socket.setTimeout(10_000, () => socket.destroy(new Error('swtpm does not answer: is the module still open?')))
      socket.once('data', () => socket.destroy())
      socket.once('error', reject)
      socket.once('close', () => resolve())
    })
  }
}
