import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { programs } from './programs.js'

/** A command that ended with a "no": its code, as a person at a terminal would see it. */
class CommandRefused extends Error {
  override readonly name = 'CommandRefused'
  constructor(
    readonly command: string,
    readonly code: string,
    readonly detail: unknown,
  ) {
    super(`${command}: ${code} ${JSON.stringify(detail)}`)
  }
}

/** One person at their own machine: a folder of their own, a key that only they can open, a process of their own for every command. */
export class Person {
  readonly home: string
  readonly keyFile: string
  readonly passphraseFile: string
  /** As `key create` printed it. */
  publicKey: { readonly keyId: string; readonly publicKey: string } = { keyId: '', publicKey: '' }

  constructor(
    readonly name: string,
    keysFolder: string,
  ) {
    this.home = join(keysFolder, name)
    mkdirSync(this.home, { recursive: true, mode: 0o700 })
    this.keyFile = join(this.home, 'key.json')
    this.passphraseFile = join(this.home, 'passphrase')
  }

  /** Makes the person's key; the passphrase is drawn here and stays in their folder. */
  async createKey(): Promise<void> {
    writeFileSync(this.passphraseFile, `${randomBytes(18).toString('base64url')}\n`, { mode: 0o600 })
    const made = await this.run(
      'key',
      'create',
      '--person',
      this.name,
      '--out',
      this.keyFile,
      '--passphrase-file',
      this.passphraseFile,
    )
    this.publicKey = { keyId: String(made['keyId']), publicKey: String(made['publicKey']) }
  }

  /** The options every command needs that signs. */
  get signing(): string[] {
    return ['--key', this.keyFile, '--passphrase-file', this.passphraseFile]
  }

  /**
   * Runs `countersign … --json` as this person.
   * @returns what it printed. @throws CommandRefused with its code.
   */
  async run(...args: string[]): Promise<Record<string, unknown>> {
    const environment = { PATH: process.env['PATH'], HOME: this.home, COUNTERSIGN_HOME: this.home }
    const { code, output } = await runCommand([programs.node, programs.cli, ...args, '--json'], environment)
    const printed = lastJson(output)
    if (code === 0) return printed ?? {}
    const command = `countersign ${args.slice(0, 3).join(' ')}`
    throw new CommandRefused(
      command,
      typeof printed?.['code'] === 'string' ? printed['code'] : 'UNKNOWN',
      printed?.['detail'] ?? output.slice(-400),
    )
  }
}

export async function runCommand(
  command: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
): Promise<{ code: number; output: string }> {
  const [program = '', ...args] = command
  const child = spawn(program, args, { env: { ...environment }, stdio: ['ignore', 'pipe', 'pipe'] })
  const chunks: Buffer[] = []
  child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk))
  child.stderr.on('data', (chunk: Buffer) => chunks.push(chunk))
  const code = await new Promise<number>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (status) => resolve(status ?? 1))
  })
  return { code, output: Buffer.concat(chunks).toString('utf8') }
}

/** The last line (or the whole of it) that is JSON. */
export function lastJson(output: string): Record<string, unknown> | null {
  const candidates = [output, ...output.trim().split('\n').toReversed()]
  for (const text of candidates) {
    try {
      const value: unknown = JSON.parse(text)
      if (typeof value === 'object' && value !== null) return value as Record<string, unknown>
    } catch {
      // Progress or prose: the next line may be the answer.
    }
  }
  return null
}
