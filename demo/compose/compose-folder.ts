import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { chmodSync, copyFileSync, existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { requireProgram } from '../../src/embedded/system-package.js'
import { product } from '../product.js'

/** Nobody else on this machine gets into the folder; a file in it that a container is given is open to the container's user. */
const closedFolder = { recursive: true, mode: 0o700 } as const
const openToContainers = 0o444

const random = (): string => randomBytes(24).toString('base64url')

/**
 * What stays on the machine beside the containers: their secrets, the trust they are pinned to, and people's keys,
 * which no container is ever given.
 */
export class ComposeFolder {
  readonly keys: string

  constructor(readonly root: string) {
    this.keys = join(root, 'keys')
    for (const folder of [root, this.keys, this.path('secrets')]) mkdirSync(folder, closedFolder)
    for (const name of ['trust', 'tls']) mkdirSync(this.path(name), { recursive: true, mode: 0o755 })
  }

  path(...parts: string[]): string {
    return join(this.root, ...parts)
  }

  remove(): void {
    rmSync(this.root, { recursive: true, force: true })
  }

  /** The first ceremony was held, and everybody is logged in. */
  get isReady(): boolean {
    return existsSync(this.path('ready'))
  }

  markReady(): void {
    writeFileSync(this.path('ready'), '')
  }

  /** Passwords and PINs, drawn once. */
  writeSecrets(): void {
    const password = random()
    this.writeSecret('database_password', password)
    this.writeSecret('database_url', `postgres://countersign:${password}@postgres:5432/countersign`)
    for (const name of [
      'broker_password',
      'webhook_secret',
      'release_pin',
      'release_so_pin',
      'online_pin',
      'online_so_pin',
    ])
      this.writeSecret(name, random())
  }

  writeSecret(name: string, value: string): void {
    const file = this.path('secrets', name)
    rmSync(file, { force: true })
    writeFileSync(file, `${value}\n`, { mode: openToContainers })
    chmodSync(file, openToContainers)
  }

  /** Of the broker: what devices with certificates know it by. Made once. */
  writeBrokerCertificate(): void {
    const [certificate, key] = [this.path('tls', 'broker.crt'), this.path('tls', 'broker.key')]
    if (!existsSync(certificate)) {
      const kind = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', key]
      const name = ['-subj', '/CN=broker', '-addext', 'subjectAltName=DNS:broker,DNS:localhost,IP:127.0.0.1']
      const command = ['req', '-x509', '-days', '398', ...kind, ...name, '-out', certificate]
      execFileSync(requireProgram('openssl'), command, { stdio: 'ignore' })
    }
    const shown = this.path('trust', 'broker.crt')
    copyFileSync(certificate, shown)
    for (const file of [certificate, key, shown]) chmodSync(file, openToContainers)
  }

  /** What the server is set up with, and root 1 for the server, both signers and the devices. */
  writeTrust(rootFile: string): void {
    const namespace = {
      namespace: product.namespace,
      rootFile: '/etc/countersign/root-1.cbor',
      releaseSigner: '/run/countersign/release/s',
      onlineSigner: '/run/countersign/online/s',
      vendorDomain: product.vendorDomain,
      classes: product.classes,
    }
    const namespaces = this.path('trust', 'namespaces.json')
    writeFileSync(namespaces, `${JSON.stringify([namespace], null, 2)}\n`)
    const pinned = this.path('trust', 'root-1.cbor')
    copyFileSync(rootFile, pinned)
    // Whatever the umask says.
    for (const file of [namespaces, pinned]) chmodSync(file, 0o644)
    for (const name of ['trust', 'tls']) chmodSync(this.path(name), 0o755)
  }
}
