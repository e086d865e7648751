import { readFileSync } from 'node:fs'
import { Readable } from 'node:stream'
import { sha256 } from '../src/domain/bytes.js'
import { Refusal } from '../src/domain/refusal.js'
import { encodeManifest, parseManifest } from '../src/domain/suit/manifest.js'
import { Api } from './api.js'
import { requireBytes } from './device-refusals.js'
import type { Installation } from './installation.js'
import type { RefusalRow } from './result.js'

/** Runs one request that must be refused by a signer itself, for exactly this reason. */
export async function expectRefusal(
  name: string,
  refusedBy: RefusalRow['refusedBy'],
  expected: string,
  request: () => Promise<unknown>,
): Promise<RefusalRow> {
  try {
    await request()
  } catch (error) {
    if (!(error instanceof Refusal) || error.code !== 'SIGNER_REFUSED') throw error
    const { code, check } = error.detail as { code: string; check: number }
    if (code !== expected)
      throw new Error(`${name}: refused for ${code} at check ${check}, not for ${expected}`, { cause: error })
    return { name, refusedBy, code, step: check }
  }
  throw new Error(`${name}: was not refused`)
}

/** What the server holds of a release that one manager approved: all a thief of the server has. */
interface Loot {
  readonly requestId: string
  readonly submission: string
  readonly manifest: string
  readonly text: string
  readonly approvals: readonly { readonly approval: string }[]
}

/** The release signer, called directly by whoever stole the server. */
export async function provokeReleaseSigner(installation: Installation, releaseId: string): Promise<RefusalRow[]> {
  const api = new Api(installation.url, installation.people.managers[0])
  const loot = await api.get<Loot>(`/releases/${releaseId}`)
  const trust = await api.get<{ roots: string[]; policy: string; krl: string }>('/trust')
  const courier = {
    roots: trust.roots.map(requireBytes),
    policy: requireBytes(trust.policy),
    krl: requireBytes(trust.krl),
  }
  const request = {
    trust: courier,
    requestId: loot.requestId,
    submission: requireBytes(loot.submission),
    manifest: requireBytes(loot.manifest),
    text: requireBytes(loot.text),
  }
  const [approval] = loot.approvals.map((row) => requireBytes(row.approval))
  if (approval === undefined) throw new Error('the release has no approval yet')
  const client = installation.release.client()
  const sign = (change: Partial<typeof request & { approvals: Uint8Array[] }>) => () =>
    client.request('sign', { ...request, approvals: [approval], ...change })
  const evil = Buffer.from('not what the engineer uploaded')
  const swapped = { ...parseManifest(request.manifest), imageSha256: sha256(evil), imageSizeBytes: evil.length }
  try {
    // The signer has to know the image for the later checks to be reached: bytes are hashed for anybody.
    await hashGenuine(installation, parseManifest(request.manifest).imageSha256)
    await client.hashImage(Readable.from([evil]), evil.length)
    return [
      await expectRefusal(
        'swapped upload under the submission',
        'release signer',
        'SUBMISSION_MISMATCH',
        sign({ manifest: encodeManifest(swapped) }),
      ),
      await expectRefusal(
        'release signer without approvals',
        'release signer',
        'APPROVALS_MISSING',
        sign({ approvals: [] }),
      ),
      await expectRefusal('one approval short', 'release signer', 'QUORUM_NOT_MET', sign({})),
      await expectRefusal(
        'the same person twice',
        'release signer',
        'APPROVER_REPEATED',
        sign({ approvals: [approval, approval] }),
      ),
    ]
  } finally {
    await client.close()
  }
}

async function hashGenuine(installation: Installation, imageSha256: Uint8Array): Promise<void> {
  const token = readFileSync(`${installation.people.engineer.home}/token`, 'utf8').trim()
  const url = `${installation.url}/api/v1/gateway/prod/firmware/${Buffer.from(imageSha256).toString('hex')}/content`
  const response = await fetch(url, { headers: { authorization: `Bearer ${token}` } })
  const bytes = Buffer.from(await response.arrayBuffer())
  const client = installation.release.client()
  await client.hashImage(Readable.from([bytes]), bytes.length)
  await client.close()
}
