import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ManagedProcess } from '../../src/embedded/managed-process.js'
import { requireProgram } from '../../src/embedded/system-package.js'

export interface BundleOptions {
  readonly version: string
  readonly content: Uint8Array
  /** Where the client writes the content to. */
  readonly target: string
  /** Changes the content after it was signed. */
  readonly tamper?: (content: Uint8Array) => Uint8Array
  readonly signer?: BundleSigner
}

/** A key with the certificate that Debian's SWUpdate asks for: its purpose is e-mail protection. */
export class BundleSigner {
  readonly key: string
  readonly certificate: string
  constructor(folder: string, name = 'signer') {
    this.key = join(folder, `${name}.key.pem`)
    this.certificate = join(folder, `${name}.cert.pem`)
    const subject = ['-subj', `/CN=${name}`, '-addext', 'extendedKeyUsage=emailProtection']
    const files = ['-keyout', this.key, '-out', this.certificate]
    openssl('req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', ...files, ...subject)
  }
}

/** A `.swu` with one file, made with the tools of its makers: a cpio archive that begins with its signed description. */
export function makeBundle(folder: string, options: BundleOptions, signer: BundleSigner): Uint8Array {
  const work = join(folder, `bundle-${createHash('sha1').update(JSON.stringify(options.version)).digest('hex')}`)
  mkdirSync(work, { recursive: true })
  const { content, target, version, tamper = (bytes) => bytes } = options
  const digest = createHash('sha256').update(content).digest('hex')
  writeFileSync(
    join(work, 'sw-description'),
    `software = { version = "${version}"; hardware-compatibility: [ "rev-b" ];
      files: ( { filename = "rootfs.img"; path = "${target}"; sha256 = "${digest}"; } ); }\n`,
  )
  writeFileSync(join(work, 'rootfs.img'), tamper(content))
  const inAndOut = ['-in', join(work, 'sw-description'), '-out', join(work, 'sw-description.sig')]
  const by = ['-signer', signer.certificate, '-inkey', signer.key]
  openssl('cms', '-sign', ...inAndOut, ...by, '-outform', 'DER', '-nosmimecap', '-binary')
  const files = ['sw-description', 'sw-description.sig', 'rootfs.img']
  const archive = join(work, 'bundle.swu')
  execFileSync(requireProgram('cpio'), ['-o', '-H', 'crc', '--quiet', '-O', archive], {
    cwd: work,
    input: `${files.join('\n')}\n`,
  })
  return new Uint8Array(readFileSync(archive))
}

const openssl = (...args: readonly string[]): void => {
  execFileSync(requireProgram('openssl'), args, { stdio: ['ignore', 'ignore', 'pipe'] })
}

export interface SwupdateOptions {
  readonly url: string
  readonly tenant: string
  readonly controllerId: string
  readonly token: string
  readonly certificate: string
  /** What its system says of itself. */
  readonly identify: Readonly<Record<string, string>>
}

/** Debian's SWUpdate with its hawkBit client, in a folder of its own; restarted it is the device after a boot. */
export class Swupdate {
  private process: ManagedProcess | undefined

  constructor(
    private readonly folder: string,
    private readonly options: SwupdateOptions,
  ) {
    mkdirSync(join(folder, 'tmp'), { recursive: true })
  }

  get log(): string {
    return readFileSync(join(this.folder, 'swupdate.log'), 'utf8')
  }

  /** @param confirm what it tells of the update before this start: 2 for "it works". */
  start(
    change: {
      readonly identify?: Readonly<Record<string, string>>
      readonly confirm?: 2 | 3
      readonly more?: string
    } = {},
  ): void {
    const { url, tenant, controllerId, token, certificate } = this.options
    const identify = Object.entries({ ...this.options.identify, ...change.identify })
    const entries = identify.map(([name, value]) => `{ name = "${name}"; value = "${value}"; }`)
    const configuration = join(this.folder, 'swupdate.cfg')
    writeFileSync(
      configuration,
      `globals : { verbose = true; loglevel = 5; };\nidentify : ( ${entries.join(', ')} );\n`,
    )
    const confirm = change.confirm === undefined ? '' : ` -c ${change.confirm}`
    const client = `-t ${tenant} -u ${url} -i ${controllerId} -k ${token} -p 1 -r 20 -w 1${confirm} ${change.more ?? ''}`
    const general = ['-v', '-f', configuration, '-k', certificate, '-H', 'gateway:rev-b', '-p', '/bin/true']
    this.process = ManagedProcess.spawn({
      name: 'swupdate',
      command: [requireProgram('swupdate'), ...general, '-u', client.trim()],
      logFile: join(this.folder, 'swupdate.log'),
      environment: { PATH: process.env['PATH'], TMPDIR: join(this.folder, 'tmp') },
      workingFolder: this.folder,
    })
  }

  async stop(): Promise<void> {
    await this.process?.stop()
    this.process = undefined
  }
}
