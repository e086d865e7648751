import { createHash } from 'node:crypto'
import { describe, expect, it } from '@jest/globals'
import { makeFwup, makeZip, type Files } from '../../../test/support/firmware/archives.js'
import { inspectBytes, patched, placeOf } from '../../../test/support/firmware/inspect-bytes.js'
import { content, ed25519Key, little } from '../../../test/support/firmware/sample.js'
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

describe('what fwup reads from the front', () => {
  const blake = createHash('sha256').update(payload).digest('hex')
  const meta = utf8(`meta-version="1.4.0"\nfile-resource "rootfs.img" {\nlength=20000\nsha256="${blake}"\n}\n`)
  const files: Files = [
    ['meta.conf', meta],
    ['data/rootfs.img', payload],
  ]
  const times = little([2, 0x5455], [2, 5], [1, 1], [4, 0])

  it('may have its sizes behind data that say where they end, as fwup writes them', async () => {
    const bytes = makeZip(files, true, { hasDescriptor: true, extra: times })
    expect(await inspectBytes(bytes)).toMatchObject({ state: 'whole', version: '1.4.0' })
    const at = placeOf(bytes, Uint8Array.of(0x50, 0x4b, 7, 8))
    expect((await inspectBytes(patched(bytes, at + 8, 1))).faults[0]).toMatch(/another size at its data/)
  })

  it.each([
    ['its sizes behind data that do not', makeZip(files, false, { hasDescriptor: true }), 'is stored, and its size'],
    [
      'another name in an extra field',
      makeZip(files, true, { extra: little([2, 0x7075], [2, 0]) }),
      'has an extra field',
    ],
    ['half an extra field', makeZip(files, true, { extra: Uint8Array.of(0x55) }), 'has an extra field'],
    ['bytes behind compressed data', withJunk(), 'bytes hide behind its compressed data'],
  ])('cannot have %s', async (_, bytes, why) => {
    const { state, faults } = await inspectBytes(bytes)
    expect([state, faults[0]?.includes(why)]).toEqual(['unreadable', true])
  })

  /** Four zeros behind the first data, of which the sizes know. */
  function withJunk(): Uint8Array {
    const sound = makeZip([['meta.conf', meta]])
    const view = Buffer.from(sound)
    const packedBytes = view.readUInt32LE(18)
    const end = 30 + 9 + packedBytes
    const bytes = Buffer.concat([view.subarray(0, end), Buffer.alloc(4), view.subarray(end)])
    bytes.writeUInt32LE(packedBytes + 4, 18)
    bytes.writeUInt32LE(packedBytes + 4, end + 4 + 20)
    bytes.writeUInt32LE(end + 4, bytes.length - 6)
    return bytes
  }
})

it('reads meta.conf by its words, however its lines are', async () => {
  const text = 'meta-product = "gate\\"way" meta-version=\n"9.9.9"\nmeta-platform=b task x{a={"1",\n"2"}on y{}}'
  const found = await inspectBytes(makeZip([['meta.conf', utf8(text)]]))
  expect(found).toMatchObject({ state: 'whole', version: '9.9.9', target: { names: ['gate"way', 'b'] } })
})

it.each([
  ['a comment', 'meta-version="9.9.9"\n/*\nmeta-version="1.4.0"\n*/\n'],
  ['a comment of a line', 'meta-version="9.9.9"\n# x\n'],
  ['a comment behind a word', 'meta-version=9.9.9//\n'],
  ['a setting twice', 'meta-version="1.4.0" meta-version="9.9.9"'],
  ['a setting that grows', 'meta-version="1.4.0"\nmeta-version+="9"'],
  ['a resource twice', 'file-resource a {\n}\nfile-resource a {\n}\n'],
  ['a value of the device', 'meta-version="${VERSION}"'],
  ['an escape of another kind', 'meta-version="1.4.0\\n"'],
  ['another kind of quotes', "meta-version='1.4.0'"],
  ['a call', 'include("other.conf")'],
  ['a section without end', 'task x {'],
  ['no value', 'meta-version=}'],
])('cannot read %s in meta.conf', async (_, text) => {
  const found = await inspectBytes(makeZip([['meta.conf', utf8(text)]]))
  expect([found.state, found.version, found.faults[0]?.slice(0, 9)]).toEqual(['unreadable', null, 'meta.conf'])
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
