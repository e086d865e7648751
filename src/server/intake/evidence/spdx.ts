import { Refusal } from '../../../domain/refusal.js'
import type { Evidence } from './evidence-kind.js'
import { SpdxDocument } from './spdx-document.js'
import { judgeSubject } from './subject-digest.js'

const DOCUMENT = 'SPDXRef-DOCUMENT'

/** @throws Refusal `EVIDENCE_MALFORMED`, `EVIDENCE_MISMATCH`. @see https://spdx.github.io/spdx-spec/v2.3/ */
export function readSpdx(json: Readonly<Record<string, unknown>>, imageSha256: Uint8Array): Evidence {
  const parsed = SpdxDocument.safeParse(json)
  if (!parsed.success) {
    const [issue] = parsed.error.issues
    throw malformed(issue?.path.join('.') ?? '', issue?.message ?? 'not valid')
  }
  const document = parsed.data
  requireReferences(document, idsOf(document))
  const described = describedBy(document)
  const written = [...document.packages, ...document.files]
    .filter((each) => described.has(each.SPDXID))
    .flatMap((each) => each.checksums ?? [])
    .map(({ algorithm, checksumValue: value }) => ({ algorithm, value }))
  return {
    kind: 'sbom',
    format: document.spdxVersion.replace('-', ' '),
    ...judgeSubject(written, imageSha256, 'checksums of what the document describes'),
    facts: { subject: document.name, components: document.packages.length },
  }
}

/** An id names one element (§7.2, §8.2, §9.1). */
function idsOf(document: SpdxDocument): Set<string> {
  const ids = new Set<string>([DOCUMENT])
  for (const kind of ['packages', 'files', 'snippets'] as const)
    for (const [at, { SPDXID }] of document[kind].entries()) {
      if (ids.has(SPDXID)) throw malformed(`${kind}.${at}.SPDXID`, 'another element has this id')
      ids.add(SPDXID)
    }
  return ids
}

/** Whatever is related is in the document, or in another one that it names (§11.1); or nothing, in words. */
function requireReferences({ relationships, documentDescribes, externalDocumentRefs }: SpdxDocument, ids: Set<string>) {
  const others = new Set(externalDocumentRefs.map((each) => each.externalDocumentId))
  const require = (id: string, at: string): void => {
    const [other = '', inside] = id.split(':')
    if (ids.has(id) || (inside !== undefined && others.has(other))) return
    throw malformed(at, 'names no element')
  }
  for (const [at, id] of documentDescribes.entries()) require(id, `documentDescribes.${at}`)
  for (const [at, { spdxElementId, relatedSpdxElement }] of relationships.entries()) {
    require(spdxElementId, `relationships.${at}.spdxElementId`)
    if (!['NONE', 'NOASSERTION'].includes(relatedSpdxElement))
      require(relatedSpdxElement, `relationships.${at}.relatedSpdxElement`)
  }
}

/** What the document is about (§11.1), in each of the three spellings. */
const describedBy = ({ documentDescribes, relationships }: SpdxDocument): Set<string> =>
  new Set([
    ...documentDescribes,
    ...relationships.flatMap(({ spdxElementId, relationshipType, relatedSpdxElement }) => {
      if (relationshipType === 'DESCRIBES' && spdxElementId === DOCUMENT) return [relatedSpdxElement]
      return relationshipType === 'DESCRIBED_BY' && relatedSpdxElement === DOCUMENT ? [spdxElementId] : []
    }),
  ])

const malformed = (at: string, why: string): Refusal => new Refusal('EVIDENCE_MALFORMED', { format: 'SPDX', at, why })
