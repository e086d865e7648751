import { z } from 'zod'
import { Refusal } from '../../../domain/refusal.js'
import type { Evidence } from './evidence-kind.js'
import { namesImage } from './subject-digest.js'

const id = z.string().regex(/^SPDXRef-[A-Za-z0-9.-]+$/)
const checksum = z.object({ algorithm: z.string().min(1), checksumValue: z.string().regex(/^[0-9a-fA-F]+$/) })
const element = z.object({ SPDXID: id, checksums: z.array(checksum).optional() })
/**
 * What SPDX 2.2 and 2.3 require of a document, written after the specification (§6 to §8, §11): no package on npm ships its JSON
 * schema. Members that are not named here are not judged.
 */
const Document = z.object({
  spdxVersion: z.enum(['SPDX-2.2', 'SPDX-2.3']),
  dataLicense: z.literal('CC0-1.0'),
  SPDXID: z.literal('SPDXRef-DOCUMENT'),
  name: z.string().min(1),
  documentNamespace: z.url().regex(/^[^#]+$/, 'holds "#"'),
  creationInfo: z.object({
    created: z.iso.datetime(),
    creators: z.array(z.string().regex(/^(Person|Organization|Tool): ./)).min(1),
  }),
  packages: z.array(element.extend({ name: z.string().min(1), downloadLocation: z.string().min(1) })).default([]),
  files: z.array(element.extend({ fileName: z.string().min(1) })).default([]),
  documentDescribes: z.array(id).default([]),
  relationships: z
    .array(z.object({ spdxElementId: z.string(), relationshipType: z.string().min(1), relatedSpdxElement: z.string() }))
    .default([]),
})
type Document = z.infer<typeof Document>

/** @throws Refusal `EVIDENCE_MALFORMED`, `EVIDENCE_MISMATCH`. @see https://spdx.github.io/spdx-spec/v2.3/ */
export function readSpdx(json: Readonly<Record<string, unknown>>, imageSha256: Uint8Array): Evidence {
  const parsed = Document.safeParse(json)
  if (!parsed.success) {
    const [issue] = parsed.error.issues
    const at = issue?.path.join('.') ?? ''
    throw new Refusal('EVIDENCE_MALFORMED', { format: 'SPDX', at, why: issue?.message ?? 'not valid' })
  }
  const document = parsed.data
  const digests = subjectsOf(document)
    .flatMap((each) => each.checksums ?? [])
    .filter((each) => each.algorithm === 'SHA256')
    .map((each) => each.checksumValue)
  return {
    kind: 'sbom',
    format: document.spdxVersion.replace('-', ' '),
    namesImage: namesImage(digests, imageSha256, 'checksums of what the document describes'),
    facts: { subject: document.name, components: document.packages.length },
  }
}

/** What the document is about: what it DESCRIBES (§11.1), in either spelling. */
function subjectsOf({ documentDescribes, relationships, packages, files }: Document): z.infer<typeof element>[] {
  const described = new Set([
    ...documentDescribes,
    ...relationships
      .filter((each) => each.spdxElementId === 'SPDXRef-DOCUMENT' && each.relationshipType === 'DESCRIBES')
      .map((each) => each.relatedSpdxElement),
  ])
  return [...packages, ...files].filter((each) => described.has(each.SPDXID))
}
