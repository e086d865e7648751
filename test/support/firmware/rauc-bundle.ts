import { createHash } from 'node:crypto'
import { concat, fromHex, toHex, utf8 } from '../../../src/domain/bytes.js'
import { big, filledTo, little, padded } from './sample.js'
import type { TestSigner } from './cms-signer.js'

const BLOCK = 4_096

/** A squashfs that is not compressed and holds one file, `manifest.raucm`; behind it stands what nobody looks at. */
export function makeSquashfs(manifest: Uint8Array, payload: Uint8Array): Uint8Array {
  const blockBytes = 131_072
  const dataAt = 96
  const inodesAt = dataAt + manifest.length
  const metadata = (bytes: Uint8Array): Uint8Array => concat(little([2, 0x8000 | bytes.length]), bytes)
  const inodeHead = (type: number, number: number): Uint8Array =>
    little([2, type], [2, 0o755], [2, 0], [2, 0], [4, 0], [4, number])
  const file = concat(
    inodeHead(2, 2),
    little([4, dataAt], [4, 0xffff_ffff], [4, 0], [4, manifest.length], [4, 0x100_0000 | manifest.length]),
  )
  const name = utf8('manifest.raucm')
  const list = concat(little([4, 0], [4, 0], [4, 2], [2, 0], [2, 1], [2, 2], [2, name.length - 1]), name)
  const folder = concat(inodeHead(1, 1), little([4, 0], [4, 2], [2, list.length + 3], [2, 0], [4, 3]))
  const inodes = metadata(concat(file, folder))
  const directories = metadata(list)
  const directoriesAt = inodesAt + inodes.length
  const used = directoriesAt + directories.length
  const superblock = concat(
    little([4, 0x73717368], [4, 2], [4, 0], [4, blockBytes], [4, 0], [2, 1], [2, 17], [2, 0], [2, 1], [2, 4], [2, 0]),
    little([8, file.length], [8, used + payload.length], [8, used], [8, used], [8, inodesAt], [8, directoriesAt]),
    little([8, used], [8, used]),
  )
  return filledTo(concat(superblock, manifest, inodes, directories, payload), BLOCK)
}

interface RaucOptions {
  readonly payload: Uint8Array
  readonly format: 'plain' | 'verity' | 'crypt'
  readonly signer: TestSigner
  readonly version?: string
  readonly compatible?: string
}

/** A bundle as RAUC makes it ("Reference", "Bundle Formats"). */
export async function makeRauc(options: RaucOptions): Promise<Uint8Array> {
  const { payload, format, signer, version = '1.4.0', compatible = 'gateway-b' } = options
  const update = `[update]\ncompatible=${compatible}\nversion=${version}\n\n[image.rootfs]\nfilename=rootfs.ext4\n`
  const image = format === 'crypt' ? filledTo(payload, BLOCK) : makeSquashfs(utf8(update), payload)
  if (format === 'plain') return bundle(image, await signer.sign(image, true))
  const salt = new Uint8Array(32).fill(7)
  const { root, tree } = verity(image, salt)
  const hashes = `verity-hash=${toHex(root)}\nverity-salt=${toHex(salt)}\nverity-size=${tree.length}\n`
  const manifest = utf8(`${update}\n[bundle]\nformat=${format}\n${hashes}`)
  return bundle(concat(image, tree), await signer.sign(manifest, false))
}

/** What a bundle is once its manifest is encrypted, which nobody here can read: a CMS that says so, and filling. */
export const makeEncryptedRauc = (payload: Uint8Array): Uint8Array =>
  bundle(filledTo(payload, BLOCK), concat(fromHex('30820200'), fromHex('06092a864886f70d010703'), new Uint8Array(501)))

const bundle = (content: Uint8Array, cms: Uint8Array): Uint8Array => concat(content, cms, big([8, cms.length]))

/** Level by level, each built whole: the other way round than the inspector does it. */
function verity(data: Uint8Array, salt: Uint8Array): { root: Uint8Array; tree: Uint8Array } {
  const hash = (block: Uint8Array): Uint8Array => createHash('sha256').update(salt).update(block).digest()
  const levels: Uint8Array[] = []
  let level = data
  while (level.length > BLOCK) {
    const hashes = Array.from({ length: level.length / BLOCK }, (_, index) =>
      hash(level.subarray(index * BLOCK, (index + 1) * BLOCK)),
    )
    level = filledTo(Buffer.concat(hashes), BLOCK)
    levels.unshift(level)
  }
  return { root: hash(padded(level, BLOCK)), tree: Buffer.concat(levels) }
}
