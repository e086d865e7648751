import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { CliHome } from '../../src/cli/cli-home.js'
import { createPersonKey, type PersonKey } from '../../src/cli/person-key.js'
import { runCommandLine } from '../../src/cli/run.js'
import type { Person } from '../../src/domain/trust/policy.js'
import type { PersonRole } from '../../src/domain/trust/roles.js'
import type { ApiRole } from '../../src/server/access/roles.decorator.js'
import { CHEAP_COST, RecordingTerminal, type CommandResult } from './cli-bench.js'
import { PeopleBench } from './people-bench.js'
import { HandClock, SignerFixture } from './signer-fixture.js'
import type { FixtureOptions } from './trust-fixture.js'

const PASSPHRASE = 'correct horse battery'
const people: readonly (readonly [string, PersonRole, ApiRole])[] = [
  ['engineer-1', 'engineer', 'engineer'],
  ['manager-1', 'release-manager', 'approver'],
  ['manager-2', 'release-manager', 'approver'],
  ['security-1', 'security', 'security-officer'],
  ['security-2', 'security', 'security-officer'],
  ['security-3', 'security', 'security-officer'],
  ['fleet-1', 'fleet-manager', 'fleet-manager'],
]

/**
 * People at their own machines, each with a home and a key file, in front of the whole server on a port, real signers and a token.
 * Nothing stands in but the broker.
 */
export class CliHouse {
  private requests = 0
  /** Of everybody's machine; the signers have their own. */
  readonly clock: HandClock
  private constructor(
    readonly signers: SignerFixture,
    readonly bench: PeopleBench,
    readonly keys: ReadonlyMap<string, PersonKey>,
    private readonly folder: string,
  ) {
    this.clock = new HandClock(signers.clock.seconds)
  }

  /** Everybody is logged in, policy 1 is held and KRL 1 signed. */
  static async start(options: FixtureOptions = {}): Promise<CliHouse> {
    const keyFiles = new Map<string, PersonKey>()
    const makePolicy = (now: number) => {
      const persons = people.map(([name, role]): [string, Person] => {
        const key = keyFiles.get(name)?.publicKey
        return [name, { name, keys: key === undefined ? [] : [key], roles: [role], notAfter: now + 86_400 * 300 }]
      })
      return { persons: new Map(persons) }
    }
    const signers = await SignerFixture.make({
      ...options,
      policy: (plain) => {
        const change = typeof options.policy === 'function' ? options.policy(plain) : options.policy
        return { ...makePolicy(plain.issued), ...change }
      },
      prepare: (folder) => {
        for (const [name] of people) {
          mkdirSync(join(folder, 'homes', name), { recursive: true })
          keyFiles.set(name, createPersonKey(join(folder, 'homes', name, 'key'), name, PASSPHRASE, CHEAP_COST))
        }
      },
    })
    await signers.start('release')
    await signers.start('online')
    const sockets = {
      releaseSigner: signers.config('release').SIGNER_SOCKET,
      onlineSigner: signers.config('online').SIGNER_SOCKET,
    }
    const bench = await PeopleBench.start({ trust: signers.trust, sockets })
    await bench.server.app.listen(0, '127.0.0.1')
    const house = new CliHouse(signers, bench, keyFiles, signers.folder)
    await house.begin()
    return house
  }

  path(name: string): string {
    return join(this.folder, name)
  }

  private async begin(): Promise<void> {
    writeFileSync(this.path('passphrase'), `${PASSPHRASE}\n`)
    writeFileSync(this.path('policy-1.cbor'), this.signers.trust.policyBytes)
    const url = await this.bench.server.app.getUrl()
    for (const [name, , role] of people) {
      const tokenFile = this.path(`homes/${name}/token.txt`)
      writeFileSync(tokenFile, `${await this.bench.token(role, name)}\n`)
      const words = ['--server', url, '--namespace', this.signers.trust.namespace, '--token-file', tokenFile]
      await this.must(name, 'login', ...words)
      await this.must(name, 'init', '--root', this.path('root-1.cbor'), '--yes')
    }
    await this.must('security-1', 'trust', 'push', '--policy', this.path('policy-1.cbor'))
    await this.krl('krl-first')
  }

  /** A revocation list that two officers sign. */
  async krl(...words: readonly string[]): Promise<void> {
    const [line] = await this.must('security-1', 'keys', ...words, ...this.signing('security-1'), '--json')
    const { id, state } = JSON.parse(line ?? '') as { id: string; state: string }
    if (state !== 'signed') await this.must('security-2', 'keys', 'approve', id, ...this.signing('security-2'))
  }

  /** What every command needs that signs. */
  signing(person: string): string[] {
    return ['--key', this.path(`homes/${person}/key`), '--passphrase-file', this.path('passphrase'), '--yes']
  }

  async run(person: string, ...words: readonly string[]): Promise<CommandResult> {
    const terminal = new RecordingTerminal()
    const exitCode = await runCommandLine(words, {
      terminal,
      home: new CliHome(this.path(`homes/${person}`)),
      clock: this.clock,
      newId: () => `request-${(this.requests += 1)}`,
      sleep: async () => undefined,
      keyFileCost: CHEAP_COST,
    })
    return { exitCode, output: terminal.output, errors: terminal.errors, alarms: terminal.alarms }
  }

  /** A command that has to succeed. @returns its output. */
  async must(person: string, ...words: readonly string[]): Promise<readonly string[]> {
    const { exitCode, output, errors } = await this.run(person, ...words)
    if (exitCode !== 0) throw new Error(`${person}: countersign ${words.join(' ')}: ${errors.join(' | ')}`)
    return output
  }

  async stop(): Promise<void> {
    await this.bench.stop()
    await this.signers.dispose()
  }
}
