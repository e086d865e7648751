import { expect, it } from '@jest/globals'
import { makeFwup, makeZip } from '../../../test/support/firmware/archives.js'
import { inspectBytes, patched, placeOf } from '../../../test/support/firmware/inspect-bytes.js'
import { content, ed25519Key } from '../../../test/support/firmware/sample.js'
import { utf8 } from '../../domain/bytes.js'

const payload = content(20_000)
const signer = ed25519Key()
const stored = await makeFwup({ payload, signer, isPacked: false })
const conf = (text: string): Uint8Array =>
  makeZip([
    ['meta.conf', utf8(text)],
    ['data/rootfs.img', payload],
  ])

it('says product, platform, version and resources', async () => {
  expect(await inspectBytes(stored, signer)).toMatchObject({
    state: 'whole',
    version: '1.4.0',
    target: { kind: 'product', names: ['gateway', 'gateway-b'] },
    signature: { state: 'verified', keyId: signer.registered.id },
    facts: { architecture: 'arm', resources: 'rootfs.img' },
  })
})

it('finds one changed byte of a resource by two sums', async () => {
  const broken = await inspectBytes(patched(stored, placeOf(stored, payload), 0x55), signer)
  expect(broken.faults.map((each) => each.split(':')[0])).toEqual([
    'crc32 of data/rootfs.img differs',
    'blake2b-256 of data/rootfs.img differs',
  ])
})

it('does not verify a meta.conf that was changed', async () => {
  const at = placeOf(stored, '1.4.0')
  expect((await inspectBytes(patched(stored, at, 0x32), signer)).signature).toMatchObject({ state: 'present' })
})

it.each([
  ['a resource that is not there', 'file-resource "kernel" {\nlength=1\n}\n', 'resource kernel is not there'],
  ['a resource without a hash', 'file-resource "rootfs.img" {\nlength=20000\n}\n', 'resource rootfs.img has no hash'],
  ['a file that is not named', 'meta-version="1"\n', 'data/rootfs.img is not named in meta.conf'],
  ['another length', 'file-resource "rootfs.img" {\nlength=1\nsha256="00"\n}\n', 'length of data/rootfs.img differs'],
])('finds %s', async (_, text, fault) => {
  const { state, faults } = await inspectBytes(conf(text))
  expect([state, faults.some((each) => each.startsWith(fault))]).toEqual(['damaged', true])
})

const directoryAt = placeOf(stored, Uint8Array.of(0x50, 0x4b, 1, 2))
it.each([
  ['another name in front', patched(stored, placeOf(stored, 'data/rootfs.img'), 0x6e)],
  ['another size in front', patched(stored, 18, 1)],
  ['an entry that overlaps', patched(stored, directoryAt + 42 + 46 + 17, 0)],
  ['a method that is none', patched(patched(stored, 8, 12), directoryAt + 10, 12)],
  ['what reaches into the directory itself', patched(stored, directoryAt + 20, 0xff, 0xff)],
  ['nothing of what lies between', withGap(stored)],
  ['what was cut off', stored.subarray(0, Math.floor(stored.length * 0.66))],
])('cannot be read when its directory says %s', async (_, bytes) => {
  expect(await inspectBytes(bytes, signer)).toMatchObject({ state: 'unreadable', version: null })
})

/** Bytes between the last entry and the directory, of which the directory's place knows. */
function withGap(bytes: Uint8Array): Uint8Array {
  const gap = new Uint8Array([...bytes.subarray(0, directoryAt), ...new Uint8Array(30), ...bytes.subarray(directoryAt)])
  const view = new DataView(gap.buffer)
  view.setUint32(gap.length - 6, directoryAt + 30, true)
  return gap
}

it('is told from other archives', async () => {
  expect((await inspectBytes(makeZip([['readme.txt', payload]]))).format).toBe('unknown')
})
