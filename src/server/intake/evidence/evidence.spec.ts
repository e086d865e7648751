import { createHash } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import {
  BUILDER_ID,
  cycloneDxOf,
  junitOf,
  SoftBuilder,
  spdxOf,
  statementOf,
  TEST_RESULT,
} from '../../../../test/support/evidence-fixture.js'
import { PeopleBench, refusalIn, type Reply } from '../../../../test/support/people-bench.js'
import { TrustFixture } from '../../../../test/support/trust-fixture.js'
import { sha256, toHex, utf8 } from '../../../domain/bytes.js'

const builder = SoftBuilder.make()
const other = 'ab'.repeat(32)

describe('evidence', () => {
  let bench: PeopleBench
  let image: Uint8Array
  let digest = ''
  beforeAll(async () => {
    bench = await PeopleBench.start({
      trust: await TrustFixture.make({ policy: { builders: new Map([builder.entry]) } }),
    })
    await bench.begin()
    image = bench.makeImage()
    digest = toHex(sha256(image))
    await bench.upload(image)
  }, 60_000)
  afterAll(() => bench.stop())

  const attach = (document: Uint8Array | string | object, to = digest, person?: string): Promise<Reply> => {
    const bytes =
      document instanceof Uint8Array
        ? document
        : utf8(typeof document === 'string' ? document : JSON.stringify(document))
    return bench.call('POST', `/firmware/${to}/evidence`, person === undefined ? 'ci' : 'engineer', bytes, person)
  }
  const junit = junitOf(
    '<testcase name="boot"/><testcase name="link"><failure/></testcase><testcase><error/></testcase>',
    '<testcase/><testcase><skipped/></testcase>',
  )

  it.each([
    [
      'a CycloneDX SBOM that names the image',
      () => cycloneDxOf(digest),
      { kind: 'sbom', format: 'CycloneDX 1.6', namesImage: true, facts: { subject: 'gateway', components: 2 } },
    ],
    [
      'one of CycloneDX 1.7',
      () => ({ ...cycloneDxOf(digest), specVersion: '1.7' }),
      { format: 'CycloneDX 1.7', namesImage: true },
    ],
    ['one that does not', () => cycloneDxOf(null), { format: 'CycloneDX 1.6', namesImage: false }],
    [
      'an SPDX SBOM',
      () => spdxOf(digest),
      { kind: 'sbom', format: 'SPDX 2.3', namesImage: true, facts: { subject: 'gateway-1.4.0', components: 2 } },
    ],
    [
      'provenance of a builder of the policy',
      () => builder.provenance(image),
      {
        kind: 'provenance',
        format: 'SLSA provenance v1',
        namesImage: true,
        policyVersion: 1,
        facts: { builderId: BUILDER_ID, keyId: builder.keyIdHex },
      },
    ],
    [
      'a signed test report',
      () => builder.envelope(statementOf(image, TEST_RESULT, { result: 'PASSED', passedTests: ['boot'] })),
      { kind: 'test-report', namesImage: true, facts: { result: 'PASSED', passed: 1, failed: 0 } },
    ],
    [
      'a JUnit report',
      () => junit,
      {
        kind: 'test-report',
        format: 'JUnit',
        namesImage: false,
        policyVersion: null,
        facts: { passed: 2, failed: 2, skipped: 1, result: 'FAILED' },
      },
    ],
  ])('is taken: %s', async (_, make, expected) => {
    const { status, body } = await attach(make())
    expect({ status, body }).toMatchObject({ status: 201, body: expected })
    const list = await bench.call('GET', `/firmware/${digest}/evidence`, 'approver')
    expect(list.body['items']).toContainEqual(body)
  })

  it('is given back byte for byte, and is the same when it comes again', async () => {
    const text = JSON.stringify(cycloneDxOf(digest), null, 1)
    const [first, again] = [await attach(text), await attach(text)]
    expect(first.body['id']).toBe(toHex(sha256(utf8(text))))
    expect(again).toEqual(first)
    const url = `${bench.base}/firmware/${digest}/evidence/${String(first.body['id'])}`
    const headers = { authorization: `Bearer ${await bench.token('approver')}` }
    const answer = await bench.server.app.inject({ url, headers })
    expect([answer.body, answer.headers['content-type']]).toEqual([text, 'application/octet-stream'])
  })

  it.each([
    ['a CycloneDX SBOM', () => cycloneDxOf(other), 'metadata.component.hashes'],
    ['an SPDX SBOM', () => spdxOf(other), 'checksums of what the document describes'],
    ['provenance', () => builder.provenance(utf8('another image')), 'subject'],
    ['provenance by one builder for another', () => builder.provenance(image, 'https://else.example'), 'builder.id'],
    [
      'an attestation of another type',
      () => builder.envelope(statementOf(image, 'https://x.example/v1', {})),
      'predicateType',
    ],
  ])('is refused about something else: %s', async (_, make, field) => {
    expect(refusalIn(await attach(make()))).toMatchObject({ status: 400, code: 'EVIDENCE_MISMATCH', detail: { field } })
  })

  describe('without a SHA-256', () => {
    const digestBy = (algorithm: string): string => createHash(algorithm).update(image).digest('hex')
    const cycloneDx = (...hashes: readonly (readonly [string, string])[]): object => {
      const metadata = {
        component: { type: 'firmware', name: 'gateway', hashes: hashes.map(([alg, content]) => ({ alg, content })) },
      }
      return { ...cycloneDxOf(null), metadata }
    }
    const spdx = (...checksums: readonly (readonly [string, string])[]): object => {
      const rows = checksums.map(([algorithm, checksumValue]) => ({ algorithm, checksumValue }))
      const image = { SPDXID: 'SPDXRef-image', name: 'gateway', downloadLocation: 'NOASSERTION', checksums: rows }
      return { ...spdxOf(digest), packages: [image] }
    }
    const wrong = { sha384: 'ab'.repeat(48), sha512: 'ab'.repeat(64) }

    it.each([
      ['CycloneDX, SHA-512', () => cycloneDx(['SHA-512', digestBy('sha512').toUpperCase()]), true],
      ['CycloneDX, SHA-384', () => cycloneDx(['SHA-384', digestBy('sha384')]), true],
      ['SPDX, SHA512 before SHA384', () => spdx(['SHA384', wrong.sha384], ['SHA512', digestBy('sha512')]), true],
      ['SPDX, SHA384', () => spdx(['SHA384', digestBy('sha384')]), true],
      ['SHA-1 alone says nothing', () => cycloneDx(['SHA-1', 'ab'.repeat(20)]), false],
      ['SHA3-512 alone says nothing', () => cycloneDx(['SHA3-512', wrong.sha512]), false],
    ])('the bytes are read for another digest: %s', async (_, make, namesImage) => {
      const reply = await attach(make(), digest, 'engineer-4')
      expect(reply).toMatchObject({ status: 201, body: { kind: 'sbom', namesImage } })
    })

    it.each([
      ['CycloneDX', () => cycloneDx(['SHA-512', wrong.sha512]), 'metadata.component.hashes', 'sha512'],
      ['SPDX', () => spdx(['SHA384', wrong.sha384]), 'checksums of what the document describes', 'sha384'],
    ] as const)('a document is refused that names something else: %s', async (_, make, field, algorithm) => {
      const detail = { field, expected: digestBy(algorithm), found: wrong[algorithm] }
      expect(refusalIn(await attach(make()))).toEqual({ status: 400, code: 'EVIDENCE_MISMATCH', detail })
    })

    it('nothing is said of bytes that rotted', async () => {
      const rotten = bench.makeImage()
      const to = toHex(sha256(rotten))
      await bench.upload(rotten)
      await writeFile(join(bench.server.config.storeDir, 'firmware', to.slice(0, 2), to), 'rot')
      const found = toHex(sha256(utf8('rot')))
      const reply = refusalIn(await attach(cycloneDx(['SHA-512', wrong.sha512]), to))
      expect(reply).toEqual({ status: 500, code: 'STORE_CORRUPT', detail: { sha256: to, found } })
    })
  })

  it('is refused from a builder that the policy does not list', async () => {
    const reply = await attach(SoftBuilder.make().provenance(image))
    expect(refusalIn(reply)).toMatchObject({ status: 400, code: 'KEY_UNKNOWN', detail: { role: 'builder' } })
  })

  const format = (name: string, change: object): (() => object) => {
    const documents = { cyclonedx: cycloneDxOf, spdx: spdxOf }
    return () => ({ ...documents[name as 'spdx'](digest), ...change })
  }
  it.each([
    ['CycloneDX of an unknown version', format('cyclonedx', { specVersion: '9.9' }), 'CycloneDX', 'specVersion'],
    ['CycloneDX with an unknown member', format('cyclonedx', { surprise: 1 }), 'CycloneDX', ''],
    [
      'CycloneDX with a component without a name',
      format('cyclonedx', { components: [{ type: 'library' }] }),
      'CycloneDX',
      '/components/0',
    ],
    ['SPDX of an unknown version', format('spdx', { spdxVersion: 'SPDX-3.0' }), 'SPDX', 'spdxVersion'],
    ['SPDX under another licence', format('spdx', { dataLicense: 'MIT' }), 'SPDX', 'dataLicense'],
    [
      'SPDX without who made it',
      format('spdx', { creationInfo: { created: '2026-03-01T10:00:00Z', creators: [] } }),
      'SPDX',
      'creationInfo.creators',
    ],
    ['JUnit of another test', () => junitOf('', '<testcase/>', 9), 'JUnit', 'testsuites/testsuite[2]/@tests'],
    ['XML that goes deep', () => `<testsuite>${'<a>'.repeat(3_000)}${'</a>'.repeat(3_000)}</testsuite>`, 'JUnit', ''],
    ['JSON that goes deep', () => `{"a":${'['.repeat(3_000)}${']'.repeat(3_000)}}`, 'unknown', ''],
    ['another JSON', () => ({ hello: 1 }), 'unknown', ''],
    ['an array', () => [1], 'unknown', ''],
    ['no JSON', () => '{', 'unknown', ''],
    ['no text', () => Uint8Array.of(0xff, 0xfe), 'text', ''],
  ])('is refused, and says where: %s', async (_, make, name, at) => {
    const reply = refusalIn(await attach(make()))
    expect(reply).toMatchObject({ status: 400, code: 'EVIDENCE_MALFORMED', detail: { format: name, at } })
  })

  it('has a limit, in size and in number', async () => {
    const large = await attach(new Uint8Array(4_194_305).fill(0x20))
    expect(refusalIn(large)).toEqual({ status: 413, code: 'BODY_TOO_LARGE', detail: { limitBytes: 4_194_304 } })
    const second = bench.makeImage()
    const to = toHex(sha256(second))
    await bench.upload(second)
    // One who brings nothing but junk leaves room for others.
    const report = (person: string, count: number): Promise<Reply> => {
      const document = utf8(`<testsuite name="${person} ${count}"><testcase/></testsuite>`)
      return bench.call('POST', `/firmware/${to}/evidence`, 'engineer', document, person)
    }
    const refused = (why: string): object => ({ status: 409, code: 'CONFLICT', detail: { what: 'evidence', why } })
    for (let count = 1; count <= 12; count += 1) expect((await report('engineer-1', count)).status).toBe(201)
    const most = 'engineer-1 brought 12, the most that one may'
    expect(refusalIn(await report('engineer-1', 13))).toEqual(refused(most))
    expect((await report('engineer-1', 1)).status).toBe(201)
    for (let count = 1; count <= 20; count += 1)
      expect((await report(count > 12 ? 'engineer-3' : 'engineer-2', count)).status).toBe(201)
    expect(refusalIn(await report('engineer-3', 21))).toEqual(refused('a firmware has 32 at most'))
  }, 60_000)

  it('is about firmware that is there', async () => {
    expect(refusalIn(await attach(junit, other))).toMatchObject({ status: 404, code: 'NOT_FOUND' })
    const none = await bench.call('GET', `/firmware/${digest}/evidence/${other}`, 'approver')
    expect(refusalIn(none)).toEqual({ status: 404, code: 'NOT_FOUND', detail: { what: 'evidence', id: other } })
  })

  it('stays as it was brought: the server may not change it', async () => {
    for (const sql of ['UPDATE evidence SET facts = $1', 'DELETE FROM evidence WHERE facts = $1'])
      await expect(bench.server.database.query(sql, ['{}'])).rejects.toMatchObject({ code: '42501' })
  })
})
