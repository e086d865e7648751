import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { makeMcuboot } from '../../../../test/support/firmware/mcuboot-image.js'
import { content, ed25519Key } from '../../../../test/support/firmware/sample.js'
import { PeopleBench, refusalIn } from '../../../../test/support/people-bench.js'
import { RadosGateway } from '../../../../test/support/rados-gateway.js'
import { TrustFixture } from '../../../../test/support/trust-fixture.js'
import { sha256, toBase64Url, toHex } from '../../../domain/bytes.js'
import { ProcessInspector } from './process-inspector.js'

// Ceph's gateway comes from Debian's packages; where there are none these tests count as skipped.
;(process.platform === 'linux' ? describe : describe.skip)('firmware that lies in an S3-compatible store', () => {
  let gateway: RadosGateway
  let bench: PeopleBench
  const signer = ed25519Key()
  beforeAll(async () => {
    gateway = await RadosGateway.start()
    bench = await PeopleBench.start({
      trust: await TrustFixture.make({ policy: { limits: {} } }),
      inspector: new ProcessInspector(),
      config: { s3: gateway.s3 },
    })
    await bench.begin()
    const key = { label: 'MCUboot', der: toBase64Url(signer.registered.der) }
    expect((await bench.call('POST', '/embedded-keys', 'security-officer', key)).status).toBe(201)
  }, 180_000)
  afterAll(async () => {
    await bench.stop()
    await gateway.stop()
  }, 60_000)

  const submit = async (image: Uint8Array): Promise<unknown> => {
    expect((await bench.upload(image)).status).toBe(201)
    const reply = await bench.submit(image)
    return reply.status === 201 ? 'submitted' : refusalIn(reply)
  }

  it('is looked into like any other, and no copy is left behind', async () => {
    const image = makeMcuboot({ payload: content(300_000), signer })
    expect(await submit(image)).toBe('submitted')
    const page = await bench.call('GET', `/firmware/${toHex(sha256(image))}`, 'auditor')
    expect(page.body['findings']).toMatchObject({
      ...{ format: 'mcuboot', state: 'whole', version: '1.4.0' },
      signature: { state: 'verified', keyId: signer.registered.id },
    })
    expect(await readdir(join(bench.server.config.storeDir, 'copies-test'))).toEqual([])
  }, 60_000)

  it('is refused when it is of another version', async () => {
    const image = makeMcuboot({ payload: content(3_000), version: [1, 4, 1, 0] })
    expect(await submit(image)).toEqual({
      ...{ status: 400, code: 'VERSION_DISAGREES' },
      detail: { typed: '1.4.0', found: '1.4.1' },
    })
  }, 60_000)
})
