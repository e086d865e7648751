import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { bytesIn, PeopleBench, refusalIn, type Reply } from '../../../test/support/people-bench.js'
import { makeSoftKeys } from '../../../test/support/soft-key.js'
import { rootKeyOf, signPolicy, signRoot } from '../../../test/support/trust-fixture.js'
import { equalBytes, findBase64Url, toBase64Url } from '../../domain/bytes.js'
import { Refusal } from '../../domain/refusal.js'

describe('roots and policies', () => {
  let bench: PeopleBench
  beforeAll(async () => {
    bench = await PeopleBench.start()
  }, 60_000)
  afterAll(() => bench.stop())

  const postRoot = (root: Uint8Array): Promise<Reply> =>
    bench.call('POST', '/trust/roots', 'security-officer', { root: toBase64Url(root) })
  const trustNow = async (): Promise<Reply['body']> =>
    (await bench.server.app.inject({ url: `${bench.base}/trust` })).json<Record<string, unknown>>()

  it('starts from the root file, and nobody submits before there is a policy', async () => {
    const [root] = (await trustNow())['roots'] as string[]
    expect(findBase64Url(root ?? '')).toEqual(bench.trust.rootBytes)
    const image = bench.makeImage()
    await bench.upload(image)
    expect(refusalIn(await bench.submit(image))).toEqual({
      status: 409,
      code: 'STATE',
      detail: { what: 'namespace', state: 'without policy', wanted: 'with policy' },
    })
  })

  it('takes a policy that its holders signed, hands it to the signer and keeps it byte for byte', async () => {
    expect(await bench.postPolicy(bench.trust.policyBytes)).toMatchObject({ status: 200, body: { version: 1 } })
    expect(equalBytes(bytesIn(await trustNow(), 'policy'), bench.trust.policyBytes)).toBe(true)
    expect(bench.signers.imported.at(-1)?.policy).toEqual(bench.trust.policyBytes)
    const imports = bench.signers.imported.length
    expect((await bench.postPolicy(bench.trust.policyBytes)).status).toBe(200)
    expect(bench.signers.imported).toHaveLength(imports)
  })

  it('refuses a policy with one signature too few', async () => {
    const bytes = await signPolicy({ ...bench.trust.policy, version: 2 }, bench.trust.policyKeys.slice(0, 1))
    const detail = { role: 'policy', needed: 2, counted: 1 }
    expect(refusalIn(await bench.postPolicy(bytes))).toEqual({ status: 400, code: 'THRESHOLD_NOT_MET', detail })
  })

  it('refuses another policy of the same version', async () => {
    const bytes = await signPolicy({ ...bench.trust.policy, issued: 5 }, bench.trust.policyKeys)
    expect(refusalIn(await bench.postPolicy(bytes))).toEqual({
      status: 409,
      code: 'POLICY_CHANGED',
      detail: { version: 1 },
    })
  })

  it('keeps nothing that the signer refused', async () => {
    const { bytes } = await bench.trust.nextPolicy({})
    bench.signers.refusal = new Refusal('SIGNER_REFUSED', { code: 'POLICY_EXPIRED', check: 3 })
    const detail = { code: 'POLICY_EXPIRED', check: 3 }
    expect(refusalIn(await bench.postPolicy(bytes))).toEqual({ status: 409, code: 'SIGNER_REFUSED', detail })
    expect(bytesIn(await trustNow(), 'policy')).toEqual(bench.trust.policyBytes)
  })

  it('takes the next root and announces it', async () => {
    const { root, bytes } = await bench.trust.nextRoot({})
    expect(await postRoot(bytes)).toMatchObject({ status: 200, body: { version: 2 } })
    expect(((await trustNow())['roots'] as string[]).at(-1)).toBe(toBase64Url(bytes))
    expect(bench.publisher.published.at(-1)).toMatchObject({ rootVersion: root.version })
    expect((await postRoot(bytes)).status).toBe(200)
  })

  it('refuses a root that leaves one out, and one that too few signed', async () => {
    const { bytes } = await bench.trust.nextRoot({ version: 9 })
    expect(refusalIn(await postRoot(bytes))).toEqual({
      status: 409,
      code: 'ROOT_VERSION',
      detail: { expected: 3, found: 9 },
    })
    const single = await signRoot({ ...bench.trust.root, version: 3 }, bench.trust.rootKeys.slice(0, 1))
    const detail = { role: 'root', needed: 2, counted: 1 }
    expect(refusalIn(await postRoot(single))).toEqual({ status: 400, code: 'THRESHOLD_NOT_MET', detail })
  })

  it('refuses bytes that are no document, and text that is no base64url', async () => {
    expect((await postRoot(Uint8Array.of(1))).status).toBe(400)
    const reply = await bench.call('POST', '/trust/roots', 'security-officer', { root: 'a=' })
    const detail = { field: 'root', why: 'not unpadded base64url' }
    expect(refusalIn(reply)).toEqual({ status: 400, code: 'REQUEST_INVALID', detail })
  })

  it('wants a policy anew, as the next version, once a root gave its role to others', async () => {
    const holders = makeSoftKeys(2)
    const { keys, roles } = bench.trust.root
    const { bytes } = await bench.trust.nextRoot({
      version: 3,
      keys: new Map([...keys, ...holders.map((key) => [key.keyIdHex, rootKeyOf(key, bench.trust.now)] as const)]),
      roles: new Map(roles).set('policy', { threshold: 2, keyIds: holders.map(({ keyIdHex }) => keyIdHex).toSorted() }),
    })
    expect((await postRoot(bytes)).status).toBe(200)
    const again = await signPolicy(bench.trust.policy, holders)
    const detail = { version: 1 }
    expect(refusalIn(await bench.postPolicy(again))).toEqual({ status: 409, code: 'POLICY_LAPSED', detail })
    const next = await signPolicy({ ...bench.trust.policy, version: 2 }, holders)
    expect(await bench.postPolicy(next)).toMatchObject({ status: 200, body: { version: 2 } })
  })

  it('knows no namespace but its own', async () => {
    const answer = await bench.server.app.inject({ url: '/api/v1/gateway/nowhere/trust' })
    expect(answer.json()).toMatchObject({ code: 'NOT_FOUND', detail: { what: 'namespace', id: 'gateway/nowhere' } })
  })
})
