import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { CliHome } from '../../src/cli/cli-home.js'
import { createPersonKey, type PersonKey } from '../../src/cli/person-key.js'
import { runCommandLine } from '../../src/cli/run.js'
import type { World } from '../../src/cli/session.js'
import { Terminal } from '../../src/cli/terminal.js'
import type { Person, Policy } from '../../src/domain/trust/policy.js'
import type { PersonRole } from '../../src/domain/trust/roles.js'
import { CourierServer } from './courier-server.js'
import { TrustFixture, type FixtureOptions } from './trust-fixture.js'

/** Few rounds: what is tested is not how long a guess takes. */
export const CHEAP_COST = { n: 1_024, r: 8, p: 1 }
const PASSPHRASE = 'correct horse battery'

/** Keeps what a command said, and answers what it asks. */
export class RecordingTerminal extends Terminal {
  isInteractive = false
  readonly output: string[] = []
  readonly errors: string[] = []
  readonly alarms: string[] = []
  readonly replies: string[] = []

  line(text: string): void {
    this.output.push(text)
  }
  /** What a terminal would show in red is in both lists. */
  alarm(text: string): void {
    this.output.push(text)
    this.alarms.push(text)
  }
  note(text: string): void {
    this.errors.push(text)
  }
  status(_text: string): void {}
  table(lines: readonly string[]): void {
    this.output.push(...lines)
  }
  async ask(): Promise<string> {
    return this.replies.shift() ?? ''
  }
  async askSecret(): Promise<string> {
    return this.replies.shift() ?? ''
  }
}

export interface CommandResult {
  readonly exitCode: number
  readonly output: readonly string[]
  readonly errors: readonly string[]
  readonly alarms: readonly string[]
}

const people: readonly (readonly [string, readonly PersonRole[]])[] = [
  ['engineer-1', ['engineer']],
  ['engineer-2', ['engineer', 'release-manager']],
  ['manager-1', ['release-manager']],
  ['manager-2', ['release-manager']],
  ['security-1', ['security']],
  ['security-2', ['security']],
  ['fleet-1', ['fleet-manager']],
]

/** One person's machine with a home of its own, key files of everybody, and a server that can lie. */
export class CliBench {
  private constructor(
    readonly folder: string,
    readonly courier: CourierServer,
    readonly trust: TrustFixture,
    readonly keys: ReadonlyMap<string, PersonKey>,
  ) {}

  static async make(options: FixtureOptions & Pick<Policy, 'builders'> = {}): Promise<CliBench> {
    const folder = mkdtempSync(join(tmpdir(), 'cs-cli-'))
    writeFileSync(join(folder, 'passphrase'), `${PASSPHRASE}\n`)
    const now = options.now ?? Math.floor(Date.now() / 1000)
    const keys = new Map(
      people.map(([name]) => [name, createPersonKey(join(folder, `${name}.key`), name, PASSPHRASE, CHEAP_COST)]),
    )
    const persons = new Map(
      people.map(([name, roles]): [string, Person] => {
        const key = keys.get(name)?.publicKey
        return [name, { name, keys: key === undefined ? [] : [key], roles, notAfter: now + 86_400 * 300 }]
      }),
    )
    const { builders } = options
    const trust = await TrustFixture.make({
      ...options,
      now,
      policy: { persons, ...(builders === undefined ? {} : { builders }) },
    })
    const courier = await CourierServer.start(trust.namespace)
    const bench = new CliBench(folder, courier, trust, keys)
    bench.offer({ roots: [trust.rootBytes], policy: trust.policyBytes, krl: await trust.signKrl(trust.krl()) })
    return bench
  }

  /** What `GET /trust` says. */
  offer(answer: { roots: readonly Uint8Array[]; policy: Uint8Array | null; krl: Uint8Array | null }): void {
    const text = (bytes: Uint8Array | null): string | null => bytes && Buffer.from(bytes).toString('base64url')
    const said = { roots: answer.roots.map(text), policy: text(answer.policy), krl: text(answer.krl), freshness: null }
    this.courier.on('GET /trust', () => said)
  }

  path(name: string): string {
    return join(this.folder, name)
  }

  /** `--key` and `--passphrase-file` of a person. */
  keyOf(person: string): string[] {
    return ['--key', this.path(`${person}.key`), '--passphrase-file', this.path('passphrase')]
  }

  /** Logs in and pins root 1. */
  async login(): Promise<void> {
    writeFileSync(this.path('token'), 'cst_test\n')
    writeFileSync(this.path('root-1.cbor'), this.trust.rootBytes)
    const { namespace } = this.trust
    await this.must('login', '--server', this.courier.url, '--namespace', namespace, '--token-file', this.path('token'))
    await this.must('init', '--root', this.path('root-1.cbor'), '--yes')
  }

  async run(...words: readonly string[]): Promise<CommandResult> {
    return this.runAt(new RecordingTerminal(), words)
  }

  /** @param world what is not as usual: waiting takes no time, and ids begin anew with every command. */
  async runAt(
    terminal: RecordingTerminal,
    words: readonly string[],
    world: Partial<Pick<World, 'sleep' | 'newId'>> = {},
  ): Promise<CommandResult> {
    let ids = 0
    const exitCode = await runCommandLine(words, {
      terminal,
      home: new CliHome(this.path('home')),
      clock: { nowSeconds: () => this.trust.now },
      newId: () => `request-${(ids += 1)}`,
      sleep: async () => undefined,
      keyFileCost: CHEAP_COST,
      ...world,
    })
    return { exitCode, output: terminal.output, errors: terminal.errors, alarms: terminal.alarms }
  }

  /** A command that has to succeed. @returns its output. */
  async must(...words: readonly string[]): Promise<readonly string[]> {
    const { exitCode, output, errors } = await this.run(...words)
    if (exitCode !== 0) throw new Error(`countersign ${words.join(' ')}: ${errors.join(' | ')}`)
    return output
  }

  async close(): Promise<void> {
    await this.courier.stop()
    rmSync(this.folder, { recursive: true })
  }
}
