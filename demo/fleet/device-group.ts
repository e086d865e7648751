import { mkdirSync } from 'node:fs'
import { connect } from 'node:net'
import { findFreePort } from '../../src/embedded/free-port.js'
import type { ManagedProcess } from '../../src/embedded/managed-process.js'
import type { ProcessSupervisor } from '../../src/embedded/process-supervisor.js'
import { toHex } from '../../src/domain/bytes.js'
import type { Installation } from '../installation.js'
import { classIdNamed, vendorId } from '../product.js'
import { programs } from '../programs.js'
import { EventLog } from './event-log.js'

export interface GroupWish {
  readonly name: string
  readonly devices: number
  readonly serverUrl: string
  readonly pollMs: number
  /** With the token by which they enrol. */
  readonly claimFile: string
  /** Of all of them. */
  readonly fault?: string
}

/** Devices that share a process, and a fate. */
export class DeviceGroup {
  readonly log = new EventLog()
  private readonly files: string[] = []
  private process: ManagedProcess | null = null
  private port = 0
  private isCrashing = false

  constructor(
    private readonly installation: Installation,
    private readonly supervisor: ProcessSupervisor,
    readonly wish: GroupWish,
  ) {}

  async start(): Promise<void> {
    const { folders } = this.installation
    mkdirSync(folders.path('fleet', this.wish.name), { recursive: true })
    await this.launch()
  }

  /** Loses everything that is not on disk, as at a power cut, and comes up again. */
  async crash(): Promise<void> {
    this.isCrashing = true
    this.process?.killGroup()
    await this.process?.ended
    await this.launch()
    this.isCrashing = false
  }

  stop(): Promise<void> {
    return this.process?.stop() ?? Promise.resolve()
  }

  /** @throws Error when its process has ended by itself: then nobody would ever be accounted for. */
  requireRunning(): void {
    if (this.process?.isRunning === false && !this.isCrashing)
      throw new Error(`devices ${this.wish.name}: their process ended`)
  }

  /** Reads what the devices have said since. */
  listen(): EventLog {
    for (const file of this.files) this.log.follow(file)
    return this.log
  }

  /** Sends commands of `device-sim --control`. A process that is just coming up hears nothing. */
  command(lines: readonly string[]): Promise<void> {
    return new Promise((resolve) => {
      const socket = connect(this.port, '127.0.0.1')
      socket.once('close', () => resolve())
      socket.on('error', () => socket.destroy())
      let answers = 0
      socket.on('data', (bytes: Buffer) => {
        answers += bytes.toString('latin1').split('\n').length - 1
        if (answers >= lines.length) socket.end()
      })
      socket.write(lines.map((line) => `${line}\n`).join(''))
    })
  }

  private async launch(): Promise<void> {
    const { folders, rootFile, product } = this.installation
    const { name, devices, serverUrl, pollMs, fault } = this.wish
    this.port = await findFreePort()
    const all = Array.from({ length: devices }, (_, index) => index).join(',')
    const logFile = folders.path('fleet', `${name}-${this.files.length}.log`)
    this.files.push(logFile)
    this.process = await this.supervisor.launch({
      name: `devices ${name}`,
      command: [
        ...[programs.node, programs.fleet, '--server', serverUrl, '--namespace', product.namespace],
        ...['--root', rootFile, '--class-id', toHex(classIdNamed('gateway-b')), '--vendor-id', toHex(vendorId)],
        ...[
          '--claim-token-file',
          this.wish.claimFile,
          '--devices',
          String(devices),
          '--dir',
          folders.path('fleet', name),
        ],
        ...(fault === undefined ? [] : ['--fault', `${fault}=${all}`]),
        ...[
          '--poll-ms',
          String(pollMs),
          '--jitter-seconds',
          '5',
          '--control',
          String(this.port),
          '--no-flush',
          '--json',
        ],
      ],
      logFile,
      stopGraceMs: 30_000,
    })
  }
}
