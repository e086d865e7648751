import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { promisify } from 'node:util'
import { Refusal } from '../domain/refusal.js'
import {
  brokerConfiguration,
  brokerFiles,
  certificateRules,
  type CertificateListener,
  type BrokerLayout,
  DEVICE_RULES,
  SERVER_RULES,
  SERVER_USERNAME,
} from './broker-configuration.js'
import { findFreePorts, requireFreePort } from './free-port.js'
import { ManagedProcess, ProcessFailure } from './managed-process.js'
import { asOrdinaryUser } from './own-user-namespace.js'
import type { Launch } from './process-supervisor.js'
import { requireProgram } from './system-package.js'

const run = promisify(execFile)

export interface BrokerOptions {
  /** Ours alone. A folder that was used before keeps its accounts and its retained messages. */
  readonly folder: string
  /** Default: any free one. */
  readonly devicePort?: number
  readonly serverPort?: number
  /** A listener for devices with certificates; on any free port. */
  readonly certificates?: Omit<CertificateListener, 'port'>
  /** Default: a program that its caller has to stop. */
  readonly launch?: Launch
}

/** Mosquitto of our own on 127.0.0.1: nobody without a password, and each only on their own topics. */
export class EmbeddedBroker {
  readonly deviceUrl: string
  readonly serverUrl: string
  /** Null without a listener for certificates. */
  readonly certificateUrl: string | null
  readonly serverUsername = SERVER_USERNAME
  /** Holds the servers' password, one line. */
  readonly serverPasswordFile: string
  /** Where the server adds devices' accounts. */
  readonly devicePasswordFile: string
  readonly pidFile: string
  /** Where the server adds devices that were decommissioned. */
  readonly certificateRulesFile: string

  private constructor(
    private readonly process: ManagedProcess,
    layout: BrokerLayout,
  ) {
    const files = brokerFiles(layout.folder)
    this.deviceUrl = `mqtt://127.0.0.1:${layout.devicePort}`
    this.serverUrl = `mqtt://127.0.0.1:${layout.serverPort}`
    this.serverPasswordFile = files.serverPassword
    this.devicePasswordFile = files.devicePasswords
    this.certificateUrl = layout.certificates === undefined ? null : `mqtts://localhost:${layout.certificates.port}`
    this.pidFile = files.pid
    this.certificateRulesFile = files.certificateRules
  }

  /** @throws Refusal `PACKAGE_MISSING`, `PORT_BUSY`, or `BROKER_UNAVAILABLE` with the broker's own last words. */
  static async start(options: BrokerOptions): Promise<EmbeddedBroker> {
    const program = requireProgram('mosquitto')
    const layout = await layoutOf(options)
    await writeFiles(layout)
    const launch = options.launch ?? ((recipe) => ManagedProcess.start(recipe))
    const files = brokerFiles(layout.folder)
    try {
      const started = await launch({
        name: 'broker',
        command: asOrdinaryUser([program, '-c', files.configuration]),
        logFile: files.log,
        isReady: async () =>
          existsSync(files.pid) && (await answers(layout.devicePort)) && (await answers(layout.serverPort)),
      })
      return new EmbeddedBroker(started, layout)
    } catch (error) {
      if (!(error instanceof ProcessFailure)) throw error
      throw new Refusal(
        'BROKER_UNAVAILABLE',
        { why: [error.why, ...error.logTail.slice(-1)].join('; ') },
        { cause: error },
      )
    }
  }

  async serverPassword(): Promise<string> {
    return (await readFile(this.serverPasswordFile, 'utf8')).trim()
  }

  stop(): Promise<void> {
    return this.process.stop()
  }
}

async function layoutOf(options: BrokerOptions): Promise<BrokerLayout> {
  for (const port of [options.devicePort, options.serverPort]) if (port !== undefined) await requireFreePort(port)
  const [first = 0, second = 0, third = 0] = await findFreePorts(3)
  const { folder, certificates } = options
  return {
    folder,
    devicePort: options.devicePort ?? first,
    serverPort: options.serverPort ?? second,
    ...(certificates === undefined ? {} : { certificates: { ...certificates, port: third } }),
  }
}

async function writeFiles(layout: BrokerLayout): Promise<void> {
  const files = brokerFiles(layout.folder)
  const secret = { mode: 0o600 }
  await mkdir(layout.folder, { recursive: true, mode: 0o700 })
  await rm(files.pid, { force: true })
  await writeFile(files.configuration, brokerConfiguration(layout), secret)
  await writeFile(files.deviceRules, DEVICE_RULES, secret)
  await writeFile(files.serverRules, SERVER_RULES, secret)
  // With those whom the server has put out before a restart.
  await writeFile(files.certificateRules, certificateRules(layout.certificates?.namespaces ?? []), {
    ...secret,
    flag: 'wx',
  }).catch(ignoreExisting)
  // Devices that enrolled before a restart keep their accounts.
  await writeFile(files.devicePasswords, '', { ...secret, flag: 'a' })
  const password = randomBytes(24).toString('base64url')
  await writeFile(files.serverPassword, `${password}\n`, secret)
  await writeFile(files.serverPasswords, `${SERVER_USERNAME}:${password}\n`, secret)
  // Replaces the password by its hash in the file; given as an argument it would show in the process list.
  await run(requireProgram('mosquitto_passwd', 'mosquitto'), ['-U', files.serverPasswords])
}

function ignoreExisting(error: unknown): void {
  if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
}

/** Whether somebody accepts connections on that port of 127.0.0.1. */
function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    const settle = (isOpen: boolean) => () => {
      socket.destroy()
      resolve(isOpen)
    }
    socket.once('connect', settle(true)).once('error', settle(false))
  })
}
