import { describe, expect, it } from '@jest/globals'
import { spdxOf } from '../../../../test/support/evidence-fixture.js'
import { fromHex } from '../../../domain/bytes.js'
import { readSpdx } from './spdx.js'

const digest = 'ab'.repeat(32)
const image = fromHex(digest)
const subject = (change: object): object => ({
  packages: [{ SPDXID: 'SPDXRef-image', name: 'gateway', downloadLocation: 'NOASSERTION', ...change }],
})
const related = (spdxElementId: string, relationshipType: string, relatedSpdxElement: string): object => ({
  relationships: [{ spdxElementId, relationshipType, relatedSpdxElement }],
})
const document = (change: object): Record<string, unknown> => ({ ...spdxOf(digest), ...change })

describe('an SPDX document', () => {
  it.each([
    ['as DESCRIBES', {}, true],
    ['as DESCRIBED_BY', related('SPDXRef-image', 'DESCRIBED_BY', 'SPDXRef-DOCUMENT'), true],
    ['as documentDescribes', { relationships: [], documentDescribes: ['SPDXRef-image'] }, true],
    ['not at all', { relationships: [] }, false],
    [
      'of another document',
      {
        ...related('SPDXRef-image', 'DEPENDS_ON', 'DocumentRef-os:SPDXRef-a'),
        externalDocumentRefs: [
          {
            externalDocumentId: 'DocumentRef-os',
            spdxDocument: 'https://os.example/1',
            checksum: { algorithm: 'SHA1', checksumValue: '0'.repeat(40) },
          },
        ],
      },
      false,
    ],
    [
      'with every kind of member',
      {
        ...subject({
          filesAnalyzed: false,
          licenseConcluded: 'MIT',
          licenseDeclared: 'NOASSERTION',
          copyrightText: 'NONE',
          primaryPackagePurpose: 'FIRMWARE',
          externalRefs: [
            {
              referenceCategory: 'PACKAGE-MANAGER',
              referenceType: 'purl',
              referenceLocator: 'pkg:generic/gateway@1.4.0',
            },
          ],
          checksums: [{ algorithm: 'SHA256', checksumValue: digest }],
        }),
        files: [
          {
            SPDXID: 'SPDXRef-file',
            fileName: './a',
            fileTypes: ['BINARY'],
            checksums: [{ algorithm: 'SHA1', checksumValue: '0'.repeat(40) }],
          },
        ],
        snippets: [
          {
            SPDXID: 'SPDXRef-snippet',
            snippetFromFile: 'SPDXRef-file',
            ranges: [
              {
                startPointer: { reference: 'SPDXRef-file', offset: 1 },
                endPointer: { reference: 'SPDXRef-file', offset: 2 },
              },
            ],
          },
        ],
      },
      true,
    ],
  ])('says what it is about: %s', (_, change, namesImage) => {
    expect(readSpdx(document(change), image)).toMatchObject({ format: 'SPDX 2.3', namesImage })
  })

  it('has ids as tools write them', () => {
    const packages = [{ SPDXID: 'SPDXRef-Package-string_decoder-1.3.0+1', name: 'a', downloadLocation: 'NONE' }]
    expect(readSpdx(document({ packages, relationships: [] }), image)).toMatchObject({ namesImage: false })
    const spaced = [{ ...packages[0], SPDXID: 'SPDXRef-a b' }]
    expect(() => readSpdx(document({ packages: spaced, relationships: [] }), image)).toThrow('EVIDENCE_MALFORMED')
  })

  it.each([
    ['a truth value that is none', subject({ filesAnalyzed: 'maybe' }), 'packages.0.filesAnalyzed'],
    ['a licence that is a number', subject({ licenseConcluded: 5 }), 'packages.0.licenseConcluded'],
    ['an unknown member', subject({ surprise: 1 }), 'packages.0'],
    [
      'an unknown algorithm',
      subject({ checksums: [{ algorithm: 'SHA-256', checksumValue: digest }] }),
      'packages.0.checksums.0.algorithm',
    ],
    [
      'a digest that is too short',
      subject({ checksums: [{ algorithm: 'SHA256', checksumValue: 'ab' }] }),
      'packages.0.checksums.0.checksumValue',
    ],
    ['a file without checksums', { files: [{ SPDXID: 'SPDXRef-file', fileName: './a' }] }, 'files.0.checksums'],
    [
      'two elements of one id',
      { packages: [1, 2].map(() => ({ SPDXID: 'SPDXRef-image', name: 'a', downloadLocation: 'NONE' })) },
      'packages.1.SPDXID',
    ],
    [
      'a description of nothing',
      related('SPDXRef-DOCUMENT', 'DESCRIBES', 'SPDXRef-none'),
      'relationships.0.relatedSpdxElement',
    ],
    [
      'something that nothing describes',
      related('SPDXRef-none', 'CONTAINS', 'SPDXRef-image'),
      'relationships.0.spdxElementId',
    ],
    [
      'a document that it does not name',
      related('SPDXRef-image', 'DEPENDS_ON', 'DocumentRef-os:SPDXRef-a'),
      'relationships.0.relatedSpdxElement',
    ],
    ['documentDescribes of nothing', { documentDescribes: ['SPDXRef-none'] }, 'documentDescribes.0'],
    [
      'an unknown relationship',
      related('SPDXRef-DOCUMENT', 'LIKES', 'SPDXRef-image'),
      'relationships.0.relationshipType',
    ],
  ])('is refused, and says where: %s', (_, change, at) => {
    const detail = expect.objectContaining({ format: 'SPDX', at })
    expect(() => readSpdx(document(change), image)).toThrow(
      expect.objectContaining({ code: 'EVIDENCE_MALFORMED', detail }),
    )
  })

  it.each([
    ['DESCRIBES', related('SPDXRef-DOCUMENT', 'DESCRIBES', 'SPDXRef-image')],
    ['DESCRIBED_BY', related('SPDXRef-image', 'DESCRIBED_BY', 'SPDXRef-DOCUMENT')],
  ])('is refused about another image, by %s', (_, change) => {
    expect(() => readSpdx({ ...spdxOf('cd'.repeat(32)), ...change }, image)).toThrow(
      expect.objectContaining({ code: 'EVIDENCE_MISMATCH' }),
    )
  })
})
