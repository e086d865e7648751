import { expect, it } from '@jest/globals'
import { sign } from 'node:crypto'
import { gzipSync } from 'node:zlib'
import { makeMender, makeTar, type Files } from '../../../test/support/firmware/archives.js'
import { inspectBytes, patched, placeOf } from '../../../test/support/firmware/inspect-bytes.js'
import { content, p256Key } from '../../../test/support/firmware/sample.js'
import { sha256Hex, utf8 } from '../../domain/bytes.js'

const payload = content(20_000)
const signer = p256Key()
const packed = makeMender({ payload, signer })
const plain = makeMender({ payload, signer, isPacked: false })
const version = ['version', utf8('{"format":"mender","version":3}')] as const
const artifact = (...files: Files): Uint8Array => makeTar([version, ...files])

it.each([
  ['packed', packed],
  ['plain', plain],
])('says name, devices and payloads of a %s artifact', async (_, bytes) => {
  expect(await inspectBytes(bytes, signer)).toMatchObject({
    state: 'whole',
    version: 'release-1.4.0',
    target: { kind: 'product', names: ['gateway-b'] },
    signature: { state: 'verified', keyId: signer.registered.id },
    facts: { artifactName: 'release-1.4.0', payloads: 'rootfs-image', 'data/0000/rootfs.ext4 bytes': 20_000 },
  })
})

it('finds one changed byte of the payload, the header and the manifest', async () => {
  const faultsAt = async (at: number): Promise<unknown> =>
    (await inspectBytes(patched(plain, at, 0x20), signer)).faults.map((each) => each.split(':')[0])
  expect(await faultsAt(placeOf(plain, payload) + 9)).toEqual(['sha256 of data/0000/rootfs.ext4 differs'])
  expect(await faultsAt(placeOf(plain, '"rootfs-image"') - 2)).toEqual(['header-info is no JSON'])
})

it('finds what the manifest does not name, and what it names and is not there', async () => {
  const manifest = [
    'manifest',
    utf8(`${sha256Hex(version[1])}  version\n${'0'.repeat(64)}  data/0000/other\n`),
  ] as const
  const data = ['data/0000.tar', makeTar([['rootfs.ext4', payload]])] as const
  const { state, faults } = await inspectBytes(artifact(manifest, data, ['evil.sh', payload]))
  expect([state, faults]).toEqual([
    'damaged',
    [
      'it holds evil.sh, which is no part of it',
      `sha256 of data/0000/other differs: stated ${'0'.repeat(64)}, found nothing`,
      'data/0000/rootfs.ext4 is there and not in the manifest',
      'it has no header',
    ],
  ])
})

it.each([
  ['no manifest', artifact(), 'truncated: it has no manifest'],
  ['a manifest that is none', artifact(['manifest', utf8('rootfs.ext4\n')]), 'its manifest has a line that is none'],
  ['another version', makeTar([['version', utf8('{"format":"mender","version":2}')]]), 'it is an artifact of another'],
  ['a version that is no JSON', makeTar([['version', utf8('{"format":"mender",')]]), 'version is no JSON'],
  [
    'data that do not inflate',
    artifact(['manifest', utf8('')], ['data/0000.tar.gz', payload]),
    'compressed data are damaged',
  ],
  ['a header with a wrong checksum', patched(plain, 1_024 + 148, 0x37, 0x37), 'its archive is damaged'],
  ['bytes behind the archive', new Uint8Array([...plain, 1]), 'bytes hide behind the end'],
])('cannot read %s', async (_, bytes, why) => {
  const { state, faults } = await inspectBytes(bytes, signer)
  expect([state, faults[0]?.slice(0, why.length)]).toEqual(['unreadable', why])
})

it('stops at a file that is made to exhaust its reader', async () => {
  const tar = makeTar([['rootfs.ext4', new Uint8Array(40_000_000)]])
  const head = Buffer.from(tar.subarray(0, 512))
  head.write('77777777777', 124)
  head.write(
    head
      .reduce((sum, byte, at) => sum + (at >= 148 && at < 156 ? 0x20 : byte), 0)
      .toString(8)
      .padStart(6, '0'),
    148,
  )
  const zeros = gzipSync(tar.subarray(512), { level: 9 })
  const bomb = Buffer.concat([gzipSync(head), ...Array<Buffer>(16).fill(zeros)])
  const { state, faults } = await inspectBytes(artifact(['manifest', utf8('')], ['data/0000.tar.gz', bomb]))
  expect([state, faults[0]?.slice(0, 22)]).toEqual(['unreadable', 'inflates to more than '])
})

it('verifies nothing of a payload that it does not unpack, though the manifest is signed', async () => {
  const sums = `${sha256Hex(version[1])}  version\n${sha256Hex(payload)}  header.tar.xz\n`
  const manifest = utf8(`${sums}${'0'.repeat(64)}  data/0000/x\n`)
  const signature = sign('sha256', manifest, { key: signer.privateKey, dsaEncoding: 'ieee-p1363' })
  const bytes = artifact(
    ['manifest', manifest],
    ['manifest.sig', utf8(signature.toString('base64'))],
    ['header.tar.xz', payload],
    ['data/0000.tar.xz', payload],
  )
  expect(await inspectBytes(bytes, signer)).toMatchObject({
    ...{ state: 'whole', isSealed: true },
    signature: { state: 'present', algorithm: 'ecdsa sha256' },
  })
})

it.each([
  ['a name twice', '{"artifact_provides":{"artifact_name":"a"},"artifact_provides":{"artifact_name":"b"}}', 'twice'],
  ['it in another case', '{"artifact_provides":{"artifact_name":"a"},"Artifact_Provides":{}}', 'twice'],
  ['it with a long s', '{"artifact_provides":{},"artifact_provideſ":{}}', 'twice'],
  ['it escaped', '{"artifact_provides":{},"\\u0061rtifact_provides":{}}', 'twice'],
  ['a name in another case alone', '{"Artifact_Provides":{"artifact_name":"b"}}', 'for "artifact_provides"'],
])('cannot read a header that says %s: some readers tell case apart and others do not', async (_, info, why) => {
  const header = makeTar([['header-info', utf8(info)]])
  const sums = `${sha256Hex(version[1])}  version\n${sha256Hex(header)}  header.tar\n`
  const found = await inspectBytes(artifact(['manifest', utf8(sums)], ['header.tar', header]))
  expect([found.state, found.faults[0]?.includes(why)]).toEqual(['unreadable', true])
})

it.each([
  ['zeros', new Uint8Array(600), 'bytes hide behind its compressed data'],
  ['words', utf8('hidden'), 'compressed data are damaged'],
])('cannot read %s that hide behind its compressed data', async (_, hidden, why) => {
  const data = Buffer.concat([gzipSync(makeTar([['rootfs.ext4', payload]])), hidden])
  const { state, faults } = await inspectBytes(artifact(['manifest', utf8('')], ['data/0000.tar.gz', data]))
  expect([state, faults[0]?.slice(0, why.length)]).toEqual(['unreadable', why])
})

it('finds that its payloads are of two versions, and that it names no device', async () => {
  const type = (name: string): Uint8Array => utf8(`{"artifact_provides":{"rootfs-image.version":"${name}"}}`)
  const header = makeTar([
    ['header-info', utf8('{"artifact_depends":{"device_type":"gateway-b"}}')],
    ['headers/0000/type-info', type('1.4.0')],
    ['headers/0001/type-info', type('9.9.9')],
  ])
  const sums = `${sha256Hex(version[1])}  version\n${sha256Hex(header)}  header.tar\n`
  const found = await inspectBytes(artifact(['manifest', utf8(sums)], ['header.tar', header]))
  expect(found.faults).toEqual([
    'its header names no device type',
    'its payloads are of more than one version: 1.4.0, 9.9.9',
  ])
})

it('finds that it has no header, or one that no signature covers', async () => {
  const manifest = ['manifest', utf8(`${sha256Hex(version[1])}  version\n`)] as const
  expect((await inspectBytes(artifact(manifest))).faults).toEqual(['it has no header'])
  const augmented = await inspectBytes(artifact(manifest, ['header-augment.tar', makeTar([])]))
  expect(augmented.faults[0]).toBe('it is augmented, by parts that no signature covers')
})

it('says what it does not unpack', async () => {
  const files: Files = [
    [
      'manifest',
      utf8(`${sha256Hex(version[1])}  version\n${sha256Hex(payload)}  header.tar.xz\n${'0'.repeat(64)}  data/0000/x\n`),
    ],
    ['header.tar.xz', payload],
    ['data/0000.tar.zst', payload],
  ]
  const { state, notChecked } = await inspectBytes(artifact(...files))
  expect([state, notChecked.map((each) => each.slice(0, 24))]).toEqual([
    'whole',
    ['header.tar.xz: version a', 'checksums in data/0000.t'],
  ])
})

it.each([
  ['a part twice', ['manifest', 'manifest']],
  ['its version again', ['manifest', 'version']],
  ['its header before its manifest', ['header.tar', 'manifest']],
  ['its data before its header', ['manifest', 'data/0000.tar', 'header.tar']],
  ['its data twice', ['manifest', 'data/0000.tar', 'data/0000.tar']],
])('cannot be read with %s', async (_, names) => {
  const last = names.at(-1) ?? ''
  const files = names.map((name) => [name, name.endsWith('.tar') ? makeTar([]) : utf8('')] as const)
  const { state, faults } = await inspectBytes(
    artifact(...files.map(([name, bytes]) => (name === 'version' ? version : ([name, bytes] as const)))),
  )
  expect([state, faults[0]]).toEqual(['unreadable', `${last} is there twice, or not in its place`])
})
