import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { requireProgramFile } from '../../src/embedded/program-file.js'
import { SignerClient } from '../../src/server/signing/signer-client.js'
import type { SignerFixture } from './signer-fixture.js'

/** How a signer's program is started when it is not just run. */
export interface SignerLaunch {
  /** The program; the compiled one by default. */
  readonly program?: string
  /** Put before Node: a sandbox, a limit. */
  readonly before?: readonly string[]
  readonly environment?: Readonly<Record<string, string>>
}

/** A signer as a process of its own, on the token, state and socket of a fixture. */
export class SignerProcess {
  private readonly clients: SignerClient[] = []
  /** What it wrote to its log. */
  output = ''

  private constructor(
    private readonly child: ChildProcess,
    private readonly socket: string,
  ) {
    const collect = (chunk: Buffer): void => void (this.output += chunk.toString('utf8'))
    child.stdout?.on('data', collect)
    child.stderr?.on('data', collect)
  }

  /** Starts the program and waits until it serves. @throws with its output when it ends first. */
  static async start(
    fixture: SignerFixture,
    name: 'release' | 'online',
    launch: SignerLaunch = {},
  ): Promise<SignerProcess> {
    const { program = requireProgramFile('src/signer/main'), before = [], environment = {} } = launch
    const [command, ...args] = [...before, process.execPath, program]
    const config = fixture.config(name)
    const softHsm = { SOFTHSM2_CONF: join(fixture.token.folder, 'softhsm2.conf') }
    const env = { PATH: process.env['PATH'], ...softHsm, ...config, ...environment }
    const child = spawn(command, args, { env, stdio: ['ignore', 'pipe', 'pipe'] })
    const started = new SignerProcess(child, config.SIGNER_SOCKET)
    await started.printed('"signer.serving"')
    return started
  }

  get pid(): number {
    return this.child.pid ?? 0
  }

  /** A connection of its own; closed with the process. */
  client(): SignerClient {
    const client = new SignerClient(this.socket)
    this.clients.push(client)
    return client
  }

  /** Waits until the log holds `text`. @throws with the log when the process ends first. */
  async printed(text: string): Promise<void> {
    const ended = once(this.child, 'close').then(() => true)
    while (!this.output.includes(text)) {
      const more = once(this.child.stdout ?? this.child, 'data').then(() => false)
      if ((await Promise.race([ended, more])) && !this.output.includes(text))
        throw new Error(`the signer ended: ${this.output.slice(-2_000)}`)
    }
  }

  /** How it ended: its exit code, or the signal. */
  async ended(): Promise<number | NodeJS.Signals | null> {
    const { child } = this
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
    return child.exitCode ?? child.signalCode
  }

  kill(signal: NodeJS.Signals): void {
    this.child.kill(signal)
  }

  /** Asks it to end, and waits for that. */
  async stop(): Promise<void> {
    for (const client of this.clients) await client.close()
    this.kill('SIGTERM')
    await this.ended()
  }
}
