import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { eventually } from '../../../../test/support/eventually.js'
import { makeSwu } from '../../../../test/support/firmware/archives.js'
import { patched, placeOf } from '../../../../test/support/firmware/inspect-bytes.js'
import { makeMcuboot } from '../../../../test/support/firmware/mcuboot-image.js'
import { content, ed25519Key } from '../../../../test/support/firmware/sample.js'
import { PeopleBench, refusalIn } from '../../../../test/support/people-bench.js'
import { TrustFixture } from '../../../../test/support/trust-fixture.js'
import { ProcessInspector } from './process-inspector.js'
import { sha256, toBase64Url, toHex } from '../../../domain/bytes.js'

describe('what firmware says of itself', () => {
  let bench: PeopleBench
  beforeAll(async () => {
    // No formats in the policy: every known one, and nothing of an unknown one.
    bench = await PeopleBench.start({
      trust: await TrustFixture.make({ policy: { limits: {} } }),
      inspector: new ProcessInspector(),
    })
    await bench.begin()
  }, 120_000)
  afterAll(() => bench.stop())

  const payload = content(3_000)
  const submit = async (image: Uint8Array): Promise<unknown> => {
    expect((await bench.upload(image)).status).toBe(201)
    const reply = await bench.submit(image)
    return reply.status === 201 ? 'submitted' : refusalIn(reply)
  }
  const shown = async (image: Uint8Array): Promise<unknown> =>
    (await bench.call('GET', `/firmware/${toHex(sha256(image))}`, 'auditor')).body['findings']

  it('is shown, and agrees with what the engineer typed', async () => {
    const image = makeMcuboot({ payload })
    expect(await submit(image)).toBe('submitted')
    const findings = { format: 'mcuboot', state: 'whole', version: '1.4.0' }
    expect(await shown(image)).toMatchObject(findings)
    // And to whoever approves the release.
    const requestId = `request-${toHex(sha256(image)).slice(0, 16)}`
    const { body } = await bench.call('POST', '/releases', 'engineer', { requestId })
    const page = await bench.call('GET', `/releases/${String(body['id'])}`, 'approver')
    expect(page.body['findings']).toMatchObject(findings)
  }, 60_000)

  it.each([
    ['of no known format', content(500), 'FORMAT_NOT_ALLOWED', { format: 'unknown', allowed: 'any known' }],
    [
      'of another version',
      makeMcuboot({ payload, version: [1, 4, 1, 0] }),
      'VERSION_DISAGREES',
      { typed: '1.4.0', found: '1.4.1' },
    ],
  ])(
    'is refused when it is %s',
    async (_, image, code, detail) => {
      expect(await submit(image)).toEqual({ status: 400, code, detail })
    },
    60_000,
  )

  it('is refused for another class, with both', async () => {
    const image = await makeSwu({ payload, board: 'sensor' })
    expect(await submit(image)).toEqual({
      status: 400,
      code: 'CLASS_DISAGREES',
      detail: { typed: 'gateway-b (gateway-b, gateway, rev-b, gateway-rev-b)', found: 'sensor' },
    })
  }, 60_000)

  it('is refused when it is damaged, and the reason is shown', async () => {
    const image = makeMcuboot({ payload })
    const broken = patched(image, placeOf(image, payload) + 5, 0x77)
    expect(await submit(broken)).toMatchObject({ code: 'FIRMWARE_DAMAGED', detail: { format: 'mcuboot' } })
    expect(await shown(broken)).toMatchObject({ state: 'damaged' })
  }, 60_000)

  it('is refused when the store has other bytes than it was given, and whole again when it comes again', async () => {
    const image = makeMcuboot({ payload: content(2_000) })
    const digest = toHex(sha256(image))
    expect((await bench.upload(image)).status).toBe(201)
    // Another whole firmware, which says what this one should: nothing found in it may stand under this digest.
    const other = makeMcuboot({ payload: content(1_000) })
    const path = join(bench.server.config.storeDir, 'firmware', digest.slice(0, 2), digest)
    await writeFile(path, other)
    const key = { label: 'after', der: toBase64Url(ed25519Key().registered.der) }
    expect((await bench.call('POST', '/embedded-keys', 'security-officer', key)).status).toBe(201)
    const detail = { sha256: digest, found: toHex(sha256(other)) }
    expect(refusalIn(await bench.submit(image))).toEqual({ status: 500, code: 'STORE_CORRUPT', detail })
    expect(await shown(image)).toBeNull()
    expect((await bench.upload(image)).status).toBe(200)
    await eventually(async () => expect(await shown(image)).toMatchObject({ state: 'whole', version: '1.4.0' }))
    expect((await bench.submit(image)).status).toBe(201)
  }, 60_000)

  it('is read again when somebody asks: what rotted, or is gone, is told, and nothing is said of it any more', async () => {
    const image = makeMcuboot({ payload: content(2_500) })
    const digest = toHex(sha256(image))
    expect(await submit(image)).toBe('submitted')
    const again = (role: 'ci' | 'auditor' = 'ci') => bench.call('POST', `/firmware/${digest}/inspection`, role, {})
    expect(await again()).toMatchObject({ status: 200, body: { sha256: digest, findings: { state: 'whole' } } })
    expect((await again('auditor')).status).toBe(403)
    const path = join(bench.server.config.storeDir, 'firmware', digest.slice(0, 2), digest)
    const rotten = patched(image, 600, 0x77)
    await writeFile(path, rotten)
    const found = toHex(sha256(rotten))
    expect(refusalIn(await again())).toEqual({ status: 500, code: 'STORE_CORRUPT', detail: { sha256: digest, found } })
    expect(await shown(image)).toBeNull()
    expect((await bench.upload(image)).status).toBe(200)
    expect((await again()).status).toBe(200)
    await rm(path)
    expect(refusalIn(await again())).toEqual({ status: 404, code: 'IMAGE_UNKNOWN', detail: { sha256: digest } })
    expect(await shown(image)).toBeNull()
  }, 60_000)

  it('is looked into again when the keys of the namespace have changed', async () => {
    const signer = ed25519Key()
    const image = makeMcuboot({ payload, signer })
    expect(await submit(image)).toBe('submitted')
    expect(await shown(image)).toMatchObject({ signature: { state: 'present' } })
    const key = { label: 'MCUboot', der: toBase64Url(signer.registered.der) }
    expect((await bench.call('POST', '/embedded-keys', 'security-officer', key)).status).toBe(201)
    expect((await bench.submit(image, 'engineer-1', { requestId: 'second' })).status).toBe(201)
    expect(await shown(image)).toMatchObject({ signature: { state: 'verified', keyId: signer.registered.id } })
  }, 60_000)
})
