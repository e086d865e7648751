import { execFileSync } from 'node:child_process'
import { createPublicKey, X509Certificate } from 'node:crypto'
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { sha256Hex } from '../../src/domain/bytes.js'
import type { Findings } from '../../src/inspect/findings.js'
import type { EmbeddedKey } from '../../src/inspect/key-ring.js'
import { inspectBytes } from '../support/firmware/inspect-bytes.js'
import { content } from '../support/firmware/sample.js'

/** Firmware as the makers' own tools make it, from Debian's packages; keys are made while this runs. */
const folder = mkdtempSync(join(tmpdir(), 'cs-vendor-'))
const path = (name: string): string => join(folder, name)
const run = (program: string, ...args: readonly string[]): void =>
  // SWUpdate clears up after itself there, and opens its sockets.
  void execFileSync(program, args, {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, TMPDIR: path('tmp') },
  })
const openssl = (line: string): void => run('openssl', ...line.split(' '))
const inspect = (name: string, ...keys: readonly EmbeddedKey[]): Promise<Findings> =>
  inspectBytes(new Uint8Array(readFileSync(path(name))), ...keys)

function publicKey(name: string): EmbeddedKey {
  const der = createPublicKey(readFileSync(path(name))).export({ type: 'spki', format: 'der' })
  return { id: sha256Hex(der), kind: 'rsa', der }
}
function ca(): EmbeddedKey {
  const der = new X509Certificate(readFileSync(path('ca.pem'))).raw
  return { id: sha256Hex(der), kind: 'x509-ca', der }
}

const payload = content(300_000)

/** Writes a copy with one other bit in the payload, which no vendor's tool takes and in which we find what is wrong. */
async function spoil(name: string, ...keys: readonly EmbeddedKey[]): Promise<string> {
  const bytes = new Uint8Array(readFileSync(path(name)))
  const at = Buffer.from(bytes).indexOf(payload.subarray(150_000, 150_032))
  const place = at < 0 ? Math.floor(bytes.length / 2) : at
  bytes[place] = (bytes[place] ?? 0) ^ 1
  writeFileSync(path(`spoilt-${name}`), bytes)
  const { state, signature } = await inspectBytes(bytes, ...keys)
  expect([state === 'whole', signature.state]).not.toEqual([true, 'verified'])
  return `spoilt-${name}`
}

beforeAll(() => {
  mkdirSync(path('tmp'))
  writeFileSync(path('rootfs.img'), payload)
  openssl('genrsa -traditional -out rsa.key 2048')
  openssl('ecparam -name prime256v1 -genkey -noout -out ec.key')
  openssl(
    'req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.pem -subj /CN=CA -days 2 -addext keyUsage=keyCertSign',
  )
  openssl('req -newkey rsa:2048 -nodes -keyout signer.key -out signer.csr -subj /CN=signer')
  writeFileSync(path('ext'), 'basicConstraints=CA:FALSE\nkeyUsage=digitalSignature\nextendedKeyUsage=emailProtection\n')
  openssl('x509 -req -in signer.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile ext -out signer.pem')
  writeFileSync(path('ext'), 'basicConstraints=CA:FALSE\nkeyUsage=keyEncipherment\nextendedKeyUsage=serverAuth\n')
  openssl('x509 -req -in signer.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile ext -out tls.pem')
}, 120_000)
afterAll(() => rmSync(folder, { recursive: true }))

/** The tools come from Debian's packages; elsewhere they cannot be had from one place. */
const onDebian = existsSync('/etc/debian_version') ? describe : describe.skip

onDebian('mender-artifact', () => {
  it.each([
    ['rsa.key', 'rsa-pkcs1 sha256'],
    ['ec.key', 'ecdsa sha256'],
  ])('signed with %s', async (key, algorithm) => {
    const words = 'write rootfs-image -t gateway-b -n release-1.4.0 -f rootfs.img -o signed.mender'
    run('mender-artifact', ...words.split(' '), '-k', key)
    expect(await inspect('signed.mender', publicKey(key))).toMatchObject({
      format: 'mender',
      state: 'whole',
      version: 'release-1.4.0',
      target: { names: ['gateway-b'] },
      signature: { state: 'verified', algorithm },
    })
    // What we take it takes, and what we find wrong it finds wrong.
    writeFileSync(path('key.pub'), createPublicKey(readFileSync(path(key))).export({ type: 'spki', format: 'pem' }))
    const validate = (name: string): void => run('mender-artifact', 'validate', '-k', 'key.pub', name)
    validate('signed.mender')
    const spoilt = await spoil('signed.mender', publicKey(key))
    expect(() => validate(spoilt)).toThrow()
  })
})

onDebian('rauc', () => {
  it.each(['plain', 'verity'])('a %s bundle', async (format) => {
    mkdirSync(path(format))
    cpSync(path('rootfs.img'), path(`${format}/rootfs.ext4`))
    const update = '[update]\ncompatible=gateway-b\nversion=1.4.0\n\n'
    writeFileSync(
      path(`${format}/manifest.raucm`),
      `${update}[bundle]\nformat=${format}\n\n[image.rootfs]\nfilename=rootfs.ext4\n`,
    )
    run('rauc', 'bundle', '--cert', 'signer.pem', '--key', 'signer.key', format, `${format}.raucb`)
    expect(await inspect(`${format}.raucb`, ca())).toMatchObject({
      format: 'rauc',
      state: 'whole',
      version: '1.4.0',
      target: { names: ['gateway-b'] },
      signature: { state: 'verified', keyId: ca().id },
      facts: { bundleFormat: format, 'image.rootfs': 'rootfs.ext4' },
    })
    run('rauc', 'info', '--keyring', 'ca.pem', `${format}.raucb`)
    const spoilt = await spoil(`${format}.raucb`, ca())
    // Of a verity bundle it reads the hash tree when it installs.
    if (format === 'plain') expect(() => run('rauc', 'info', '--keyring', 'ca.pem', spoilt)).toThrow()
  })
})

onDebian('cpio and openssl, as SWUpdate has them', () => {
  const sign: Record<string, string> = {
    cms: 'cms -sign -in sw-description -out sw-description.sig -signer signer.pem -inkey signer.key -outform DER -nosmimecap -binary',
    rsa: 'dgst -sha256 -sign rsa.key -out sw-description.sig sw-description',
    pss: 'dgst -sha256 -sign rsa.key -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:-2 -out sw-description.sig sw-description',
  }
  it.each(['cms', 'rsa', 'pss'])('signed by %s', async (kind) => {
    writeFileSync(
      path('sw-description'),
      `software = {\n  version = "1.4.0";\n  gateway-b = {\n    hardware-compatibility: [ "rev-b" ];\n    images: ( { filename = "rootfs.img"; device = "/dev/null"; sha256 = "${sha256Hex(payload)}"; } );\n  };\n}\n`,
    )
    openssl(sign[kind] ?? '')
    const files = 'sw-description\nsw-description.sig\nrootfs.img\n'
    const archive = execFileSync('cpio', ['-o', '-H', 'crc'], {
      cwd: folder,
      input: files,
      stdio: ['pipe', 'pipe', 'pipe'],
    })
    const findings = await inspectBytes(new Uint8Array(archive), publicKey('rsa.key'), ca())
    expect(findings).toMatchObject({
      format: 'swupdate',
      state: 'whole',
      version: '1.4.0',
      target: { names: ['gateway-b'] },
      signature: { state: 'verified', keyId: kind === 'cms' ? ca().id : publicKey('rsa.key').id },
    })
    // Debian's SWUpdate is built for CMS.
    if (kind !== 'cms') return
    writeFileSync(path('signed.swu'), archive)
    const check = (name: string): void => run('swupdate', '-c', '-H', 'gateway-b:rev-b', '-k', 'ca.pem', '-i', name)
    check('signed.swu')
    const spoilt = await spoil('signed.swu', ca())
    expect(() => check(spoilt)).toThrow()
  })
})

onDebian('a certificate for something else', () => {
  it('of the same CA signs no bundle: neither for rauc nor for us', async () => {
    mkdirSync(path('tls'))
    cpSync(path('rootfs.img'), path('tls/rootfs.ext4'))
    const update = '[update]\ncompatible=gateway-b\nversion=1.4.0\n\n'
    writeFileSync(
      path('tls/manifest.raucm'),
      `${update}[bundle]\nformat=plain\n\n[image.rootfs]\nfilename=rootfs.ext4\n`,
    )
    run('rauc', 'bundle', '--cert', 'tls.pem', '--key', 'signer.key', 'tls', 'tls.raucb')
    expect(() => run('rauc', 'info', '--keyring', 'ca.pem', 'tls.raucb')).toThrow('unsuitable certificate purpose')
    expect(await inspect('tls.raucb', ca())).toMatchObject({
      ...{ format: 'rauc', state: 'whole' },
      signature: { state: 'present', why: 'the certificate of its signer is for another purpose' },
    })
  })
})

onDebian('mkimage', () => {
  it.each([
    ['inside', []],
    ['outside', ['-E']],
  ])('images and configuration signed, data %s the tree', async (where, options) => {
    mkdirSync(path('keys'), { recursive: true })
    cpSync(path('rsa.key'), path('keys/rsa.key'))
    openssl('req -batch -new -x509 -key rsa.key -out keys/rsa.crt')
    const image =
      'type = "kernel"; arch = "arm64"; os = "linux"; compression = "none"; load = <0x80000>; entry = <0x80000>;'
    writeFileSync(
      path('fit.its'),
      `/dts-v1/;\n/ {\n  description = "gateway"; #address-cells = <1>;\n  images { kernel { description = "k"; data = /incbin/("rootfs.img"); ${image}\n    hash-1 { algo = "sha256"; }; hash-2 { algo = "crc32"; }; }; };\n  configurations { default = "conf-1"; conf-1 { compatible = "acme,board"; kernel = "kernel";\n    signature-1 { algo = "sha256,rsa2048"; padding = "pss"; key-name-hint = "rsa"; sign-images = "kernel"; }; }; };\n};\n`,
    )
    run('mkimage', '-f', 'fit.its', ...options, '-k', 'keys', '-r', `${where}.itb`)
    const findings = await inspect(`${where}.itb`, publicKey('rsa.key'))
    expect(findings).toMatchObject({
      format: 'u-boot-fit',
      state: 'whole',
      target: { names: ['acme,board'] },
      signature: { state: 'verified', algorithm: 'sha256,rsa2048' },
    })
    // One bit of what the configuration says, and its signature is nobody's.
    const bytes = new Uint8Array(readFileSync(path(`${where}.itb`)))
    const at = Buffer.from(bytes).indexOf('acme,board')
    bytes[at] = 0x62
    expect((await inspectBytes(bytes, publicKey('rsa.key'))).signature).toMatchObject({ state: 'present' })
  })
})

onDebian('mkimage without a hash that binds', () => {
  it('a signed configuration whose image has a checksum alone is not verified', async () => {
    const image = 'type = "kernel"; arch = "arm64"; os = "linux"; compression = "none"; load = <0>; entry = <0>;'
    writeFileSync(
      path('crc.its'),
      `/dts-v1/;\n/ {\n  description = "gateway"; #address-cells = <1>;\n  images { kernel { description = "k"; data = /incbin/("rootfs.img"); ${image}\n    hash-1 { algo = "crc32"; }; }; };\n  configurations { default = "conf-1"; conf-1 { compatible = "acme,board"; kernel = "kernel";\n    signature-1 { algo = "sha256,rsa2048"; key-name-hint = "rsa"; sign-images = "kernel"; }; }; };\n};\n`,
    )
    run('mkimage', '-f', 'crc.its', '-k', 'keys', '-r', 'crc.itb')
    expect(await inspect('crc.itb', publicKey('rsa.key'))).toMatchObject({
      ...{ format: 'u-boot-fit', state: 'whole' },
      signature: { state: 'present', why: 'no SHA-2 hash binds kernel to it' },
    })
  })
})

onDebian('gcc and objcopy', () => {
  it('an executable, and the same as Intel HEX', async () => {
    writeFileSync(path('main.c'), 'int main(void) { return 0; }\n')
    run('gcc', '-Wl,--build-id=sha1', 'main.c', '-o', 'main.elf')
    const elf = await inspect('main.elf')
    expect(elf).toMatchObject({ format: 'elf', state: 'whole' })
    expect(elf.facts['buildId']).toMatch(/^[0-9a-f]{40}$/)
    run('objcopy', '-O', 'ihex', 'main.elf', 'main.hex')
    expect(await inspect('main.hex')).toMatchObject({ format: 'intel-hex', state: 'whole' })
  })
})
