import { readFileSync, writeFileSync } from 'node:fs'
import { CliBench, type CommandResult } from './cli-bench.js'

const everybody = [
  ...['holder-1', 'holder-2', 'holder-3', 'policy-1', 'policy-2', 'emergency'],
  ...['manifest-a', 'krl', 'assignment', 'freshness', 'next-manifest'],
]

/** Holders around a table, each with their own key file; what goes between them are files in one folder. */
export class CeremonyTable {
  private readonly publicKeys = new Map<string, string>()
  private constructor(readonly bench: CliBench) {}

  static async make(): Promise<CeremonyTable> {
    const table = new CeremonyTable(await CliBench.make())
    for (const person of everybody) await table.createKey(person)
    return table
  }

  async createKey(person: string, ...more: readonly string[]): Promise<void> {
    const { bench } = this
    const file = ['--out', bench.path(`${person}.key`), '--passphrase-file', bench.path('passphrase')]
    const [line] = await bench.must('key', 'create', '--person', person, ...file, '--json', ...more)
    this.publicKeys.set(person, (JSON.parse(line ?? '') as { publicKey: string }).publicKey)
  }

  entry = (person: string): object => ({ publicKey: this.publicKeys.get(person) })
  role = (threshold: number, ...persons: string[]): object => ({ threshold, keys: persons.map(this.entry) })

  rootSpec(change: object = {}, roles: object = {}): object {
    return {
      namespace: 'gateway/prod',
      version: 1,
      issued: this.bench.trust.now - 60,
      expires: this.bench.trust.now + 86_400 * 390,
      roles: {
        root: this.role(2, 'holder-1', 'holder-2', 'holder-3'),
        policy: this.role(2, 'policy-1', 'policy-2'),
        'manifest-a': this.role(1, 'manifest-a'),
        krl: this.role(1, 'krl'),
        'emergency-krl': this.role(1, 'emergency'),
        assignment: this.role(1, 'assignment'),
        freshness: this.role(1, 'freshness'),
        ...roles,
      },
      ...change,
    }
  }

  policySpec(change: object = {}): object {
    return {
      namespace: 'gateway/prod',
      version: 1,
      issued: '2020-01-01T00:00:00Z',
      expires: this.bench.trust.now + 86_400 * 390,
      vendorDomain: 'vendor.example',
      classes: [{ model: 'gateway', hardwareRevision: 'rev-b', environment: 'prod' }],
      persons: { 'manager-1': { keys: [this.entry('holder-1')], roles: ['release-manager'] } },
      quorums: { sign: '1 of release-manager' },
      limits: { approvalLifeSeconds: 3_600 },
      ...change,
    }
  }

  path = (name: string): string => this.bench.path(name)
  read = (name: string): Uint8Array => new Uint8Array(readFileSync(this.path(name)))

  run(document: string, verb: string, ...words: readonly string[]): Promise<CommandResult> {
    return this.bench.run('ceremony', document, verb, ...words)
  }

  /** `name.unsigned` from a spec. */
  async propose(document: string, name: string, spec: object, more: readonly string[] = []): Promise<CommandResult> {
    writeFileSync(this.path(`${name}.json`), JSON.stringify(spec))
    const files = ['--spec', this.path(`${name}.json`), '--out', this.path(`${name}.unsigned`)]
    return this.run(document, 'propose', ...files, ...more)
  }

  /** `name.SIGNER.sig` over `name.unsigned`. */
  sign(document: string, name: string, signer: string, more: readonly string[] = []): Promise<CommandResult> {
    const files = [this.path(`${name}.unsigned`), '--out', this.path(`${name}.${signer}.sig`)]
    return this.run(document, 'sign', ...files, '--yes', ...this.bench.keyOf(signer), ...more)
  }

  /** `name.cbor` from `name.unsigned` and the signatures. */
  assemble(
    document: string,
    name: string,
    signers: readonly string[],
    more: readonly string[] = [],
  ): Promise<CommandResult> {
    const signatures = signers.map((signer) => this.path(`${name}.${signer}.sig`))
    const out = ['--out', this.path(`${name}.cbor`)]
    return this.run(document, 'assemble', this.path(`${name}.unsigned`), ...signatures, ...out, ...more)
  }

  /** The whole ceremony; each step before the last has to succeed. */
  async hold(
    document: string,
    name: string,
    spec: object,
    signers: readonly string[],
    more: readonly string[] = [],
  ): Promise<CommandResult> {
    requireDone(await this.propose(document, name, spec, more))
    for (const signer of signers) requireDone(await this.sign(document, name, signer, more))
    return this.assemble(document, name, signers, more)
  }

  close(): Promise<void> {
    return this.bench.close()
  }
}

export function requireDone({ exitCode, errors }: CommandResult): void {
  if (exitCode !== 0) throw new Error(errors.join(' | '))
}
