import { sign, type KeyObject } from 'node:crypto'
import { crc32, deflateRawSync, gzipSync } from 'node:zlib'
import { createBLAKE2b } from 'hash-wasm'
import { concat, sha256Hex, utf8 } from '../../../src/domain/bytes.js'
import { filledTo, little, padded, type SignatureKey } from './sample.js'

export type Files = readonly (readonly [name: string, content: Uint8Array])[]

/** POSIX ustar. */
export function makeTar(files: Files): Uint8Array {
  const parts = files.map(([name, content]) => {
    const octal = (value: number, digits: number): Uint8Array => utf8(`${value.toString(8).padStart(digits, '0')}\0`)
    const before = concat(padded(utf8(name), 100), octal(0o644, 7), octal(0, 7), octal(0, 7), octal(content.length, 11))
    const after = concat(utf8('0'), new Uint8Array(100), utf8('ustar\0'), utf8('00'))
    const head = padded(concat(before, octal(0, 11), utf8(' '.repeat(8)), after), 512)
    const sum = head.reduce((all, byte) => all + byte, 0)
    head.set(utf8(`${sum.toString(8).padStart(6, '0')}\0 `), 148)
    return concat(head, filledTo(content, 512))
  })
  return concat(...parts, new Uint8Array(1_024))
}

/** The same archive, its first entry of another type. */
export function retyped(tar: Uint8Array, type: string): Uint8Array {
  const copy = Uint8Array.from(tar)
  copy.set(utf8(`${' '.repeat(8)}${type}`), 148)
  const sum = copy.subarray(0, 512).reduce((all, byte) => all + byte, 0)
  copy.set(utf8(`${sum.toString(8).padStart(6, '0')}\0 `), 148)
  return copy
}

interface MenderOptions {
  readonly payload: Uint8Array
  readonly name?: string
  readonly device?: string
  readonly signer?: SignatureKey
  readonly isPacked?: boolean
}

/** A Mender artifact of version 3 (mender-artifact, "Artifact format"). */
export function makeMender(options: MenderOptions): Uint8Array {
  const { payload, name = 'release-1.4.0', device = 'gateway-b', signer, isPacked = true } = options
  const json = (value: unknown): Uint8Array => utf8(JSON.stringify(value))
  const suffix = isPacked ? '.tar.gz' : '.tar'
  const pack = (bytes: Uint8Array): Uint8Array => (isPacked ? gzipSync(bytes, { level: 1 }) : bytes)
  const version = json({ format: 'mender', version: 3 })
  const header = pack(
    makeTar([
      [
        'header-info',
        json({
          payloads: [{ type: 'rootfs-image' }],
          artifact_provides: { artifact_name: name },
          artifact_depends: { device_type: [device] },
        }),
      ],
      ['headers/0000/type-info', json({ type: 'rootfs-image', artifact_provides: { 'rootfs-image.version': name } })],
    ]),
  )
  const lines: readonly (readonly [string, Uint8Array])[] = [
    ['data/0000/rootfs.ext4', payload],
    [`header${suffix}`, header],
    ['version', version],
  ]
  const manifest = utf8(lines.map(([path, bytes]) => `${sha256Hex(bytes)}  ${path}\n`).join(''))
  const signature: Files =
    signer === undefined ? [] : [['manifest.sig', manifestSignature(manifest, signer.privateKey)]]
  return makeTar([
    ['version', version],
    ['manifest', manifest],
    ...signature,
    [`header${suffix}`, header],
    [`data/0000${suffix}`, pack(makeTar([['rootfs.ext4', payload]]))],
  ])
}

function manifestSignature(manifest: Uint8Array, key: KeyObject): Uint8Array {
  const options = key.asymmetricKeyType === 'ec' ? { key, dsaEncoding: 'ieee-p1363' as const } : key
  return utf8(sign('sha256', manifest, options).toString('base64'))
}

/** cpio in the form with sums, as SWUpdate wants it. */
export function makeCpio(files: Files, isSummed = true): Uint8Array {
  const entry = (name: string, content: Uint8Array): Uint8Array => {
    const sum = isSummed ? content.reduce((all, byte) => (all + byte) % 0x1_0000_0000, 0) : 0
    const numbers = [1, 0o100644, 0, 0, 1, 0, content.length, 0, 0, 0, 0, name.length + 1, sum]
    const head = numbers.map((value) => value.toString(16).padStart(8, '0').toUpperCase()).join('')
    return concat(filledTo(utf8(`${isSummed ? '070702' : '070701'}${head}${name}\0`), 4), filledTo(content, 4))
  }
  return concat(...files.map(([name, content]) => entry(name, content)), entry('TRAILER!!!', new Uint8Array(0)))
}

interface SwuOptions {
  readonly payload: Uint8Array
  readonly version?: string
  readonly board?: string
  readonly signer?: SignatureKey
  /** Instead of a signature by `signer`. */
  readonly cms?: (description: Uint8Array) => Promise<Uint8Array>
}

/** A file for SWUpdate; its signature RSA over the description. */
export async function makeSwu(options: SwuOptions): Promise<Uint8Array> {
  const { payload, version = '1.4.0', board = 'gateway-b', signer, cms } = options
  const image = `{ filename = "rootfs.img"; device = "/dev/mmcblk0p2"; sha256 = "${sha256Hex(payload)}"; }`
  const description = utf8(
    `software =\n{\n  version = "${version}"; /* of the board */\n  ${board} = {\n    hardware-compatibility: [ "1.0" ];\n    images: (\n      ${image}\n    );\n  };\n}\n`,
  )
  const signature =
    cms === undefined ? signer && sign('sha256', description, signer.privateKey) : await cms(description)
  return makeCpio([
    ['sw-description', description],
    ...(signature === undefined ? [] : [['sw-description.sig', signature] as const]),
    ['rootfs.img', payload],
  ])
}

interface ZipOptions {
  /** Sizes follow the data; in front they are zero. */
  readonly hasDescriptor?: boolean
  /** An extra field in front of the data. */
  readonly extra?: Uint8Array
}

/** A ZIP whose sizes stand in front. */
export function makeZip(files: Files, isPacked = true, options: ZipOptions = {}): Uint8Array {
  const { hasDescriptor = false, extra = new Uint8Array(0) } = options
  const parts: Uint8Array[] = []
  const directory: Uint8Array[] = []
  let at = 0
  for (const [name, content] of files) {
    const data = isPacked ? deflateRawSync(content, { level: 1 }) : content
    const sums = little([4, crc32(content)], [4, data.length], [4, content.length])
    const sizes = concat(sums, little([2, name.length], [2, 0]))
    const method = little([2, 20], [2, hasDescriptor ? 8 : 0], [2, isPacked ? 8 : 0], [4, 0])
    const front = concat(hasDescriptor ? new Uint8Array(12) : sums, little([2, name.length], [2, extra.length]))
    const behind = hasDescriptor ? concat(little([4, 0x08074b50]), sums) : new Uint8Array(0)
    const local = concat(little([4, 0x04034b50]), method, front, utf8(name), extra, data, behind)
    const rest = little([2, 0], [2, 0], [2, 0], [4, 0], [4, at])
    directory.push(concat(little([4, 0x02014b50], [2, 20]), method, sizes, rest, utf8(name)))
    parts.push(local)
    at += local.length
  }
  const index = concat(...directory)
  const end = little(
    [4, 0x06054b50],
    [2, 0],
    [2, 0],
    [2, files.length],
    [2, files.length],
    [4, index.length],
    [4, at],
    [2, 0],
  )
  return Buffer.concat([...parts, index, end])
}

interface FwupOptions {
  readonly payload: Uint8Array
  readonly version?: string
  readonly signer?: SignatureKey
  readonly isPacked?: boolean
}

/** A firmware archive of fwup (README, "Firmware update archive format"). */
export async function makeFwup({
  payload,
  version = '1.4.0',
  signer,
  isPacked = true,
}: FwupOptions): Promise<Uint8Array> {
  const hash = await createBLAKE2b(256)
  const blake = hash.init().update(payload).digest('hex')
  const meta = utf8(
    `meta-product="gateway"\nmeta-version="${version}"\nmeta-platform="gateway-b"\nmeta-architecture="arm"\nfile-resource "rootfs.img" {\n  length=${payload.length}\n  blake2b-256="${blake}"\n}\ntask "complete" {\n  on-resource "rootfs.img" {\n    funlist = {"2", "raw_write", "0"}\n  }\n}\n`,
  )
  const signature: Files = signer === undefined ? [] : [['meta.conf.ed25519', sign(null, meta, signer.privateKey)]]
  return makeZip([...signature, ['meta.conf', meta], ['data/rootfs.img', payload]], isPacked)
}
