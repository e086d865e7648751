import { existsSync, mkdirSync, renameSync } from 'node:fs'
import { join } from 'node:path'
import { makeSoftToken, type SoftToken } from '../src/embedded/soft-token.js'
import type { ProcessSupervisor } from '../src/embedded/process-supervisor.js'
import { requireSandbox, sandboxed } from '../src/embedded/sandbox.js'
import { SignerClient } from '../src/server/signing/signer-client.js'
import type { Folders } from './folders.js'
import { lastJson, runCommand } from './person.js'
import { programs } from './programs.js'

export type SignerName = 'release' | 'online'

/** A public key as `keygen` prints it. */
export interface TokenKeyRow {
  readonly role: string
  readonly keyId: string
  readonly alg: number
  readonly publicKey: string
}

/** One signer of the installation: its token, its state, its socket, its sandbox. */
export class SignerProcess {
  private constructor(
    readonly name: SignerName,
    private readonly folders: Folders,
    private readonly namespace: string,
    private readonly token: SoftToken,
  ) {}

  static async prepare(name: SignerName, folders: Folders, namespace: string): Promise<SignerProcess> {
    for (const part of ['state', 'run', 'token']) mkdirSync(folders.path(name, part), { recursive: true, mode: 0o700 })
    const token = await makeSoftToken(folders.path(name, 'token'), `countersign-${name}`)
    // Its officer is a person: the process that signs does not see that PIN, nor does the server.
    if (existsSync(token.securityPinFile)) renameSync(token.securityPinFile, join(folders.keys, `${name}.security-pin`))
    return new SignerProcess(name, folders, namespace, token)
  }

  get socket(): string {
    return this.folders.path(this.name, 'run', 's')
  }

  /** A client of the socket: what the server has, and what a thief of the server has. */
  client(): SignerClient {
    return new SignerClient(this.socket)
  }

  /** The token's administrator makes keys; only public halves come out. */
  async generateKeys(roles: readonly string[]): Promise<readonly TokenKeyRow[]> {
    const options = roles.flatMap((role) => ['--role', role])
    const command = [programs.node, programs.signer, 'keygen', ...options]
    const { code, output } = await runCommand(command, this.environment(false))
    const rows = lastJson(output)
    if (code !== 0 || !Array.isArray(rows)) throw new Error(`keygen: ${output.trim()}`)
    return rows as unknown as TokenKeyRow[]
  }

  /** Starts it in a sandbox without a network, or plainly where the person at the laptop asked for that. */
  async start(supervisor: ProcessSupervisor, withSandbox: boolean): Promise<void> {
    const command = [programs.node, programs.signer]
    const published = this.folders.path('published')
    const readable = [
      join(programs.project, 'dist'),
      join(programs.project, 'node_modules'),
      join(programs.project, 'package.json'),
    ]
    const plan = {
      command,
      readable: [...readable, this.folders.path('root-1.cbor'), ...(this.name === 'online' ? [published] : [])],
      writable: [this.folders.path(this.name), ...(this.name === 'release' ? [published] : [])],
    }
    const client = this.client()
    await supervisor.launch({
      name: `${this.name} signer`,
      command: withSandbox ? sandboxed(await requireSandbox(), plan) : command,
      logFile: this.folders.path(this.name, 'signer.log'),
      environment: this.environment(withSandbox),
      isReady: () =>
        client.request('status', {}).then(
          () => true,
          () => false,
        ),
    })
    await client.close()
  }

  private environment(withSandbox: boolean): Record<string, string> {
    return {
      PATH: process.env['PATH'] ?? '',
      SIGNER_PROCESS: this.name,
      SIGNER_NAMESPACE: this.namespace,
      SIGNER_SOCKET: this.socket,
      SIGNER_STATE_DIR: this.folders.path(this.name, 'state'),
      SIGNER_PUBLISHED_DIR: this.folders.path('published'),
      SIGNER_ROOT_FILE: this.folders.path('root-1.cbor'),
      SIGNER_SANDBOX: withSandbox ? 'required' : 'off',
      PKCS11_MODULE: this.token.modulePath,
      PKCS11_TOKEN_LABEL: this.token.label,
      PKCS11_PIN_FILE: this.token.userPinFile,
      SOFTHSM2_CONF: this.token.configurationFile,
      PROFILE: 'laptop',
    }
  }
}
