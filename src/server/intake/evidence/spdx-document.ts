import { z } from 'zod'

/*
 * What SPDX 2.2 and 2.3 allow in a document as JSON, written after the specification (§6 to §12) and the members of its published
 * schema: no package on npm ships that. Where the two versions differ the laxer one counts. Unknown members are refused, as there.
 */

/** The text has no "_" and no "+" (§7.2); `npm sbom` takes them over from names and versions, and the schema lets any text through. */
const id = z.string().regex(/^SPDXRef-[A-Za-z0-9._+-]+$/)
const text = z.string().optional()
const texts = z.array(z.string()).optional()
const time = z.iso.datetime()

/** Algorithm and length in hex; null where it is not fixed. */
const algorithms = {
  ...{ SHA1: 40, SHA224: 56, SHA256: 64, SHA384: 96, SHA512: 128 },
  ...{ 'SHA3-256': 64, 'SHA3-384': 96, 'SHA3-512': 128, 'BLAKE2b-256': 64, 'BLAKE2b-384': 96, 'BLAKE2b-512': 128 },
  ...{ MD2: 32, MD4: 32, MD5: 32, ADLER32: 8, MD6: null, BLAKE3: null },
} as const
type Algorithm = keyof typeof algorithms
const checksum = z
  .strictObject({
    algorithm: z.enum(Object.keys(algorithms) as Algorithm[]),
    checksumValue: z.string().regex(/^([0-9a-fA-F]{2})+$/),
  })
  .refine((each) => (algorithms[each.algorithm] ?? each.checksumValue.length) === each.checksumValue.length, {
    path: ['checksumValue'],
    message: 'not as long as its algorithm makes it',
  })

const annotation = z.strictObject({
  annotationDate: time,
  annotationType: z.enum(['OTHER', 'REVIEW']),
  annotator: z.string(),
  comment: z.string(),
})
/** §7 to §9 have these in common. */
const element = z.strictObject({
  SPDXID: id,
  annotations: z.array(annotation).optional(),
  attributionTexts: texts,
  comment: text,
  copyrightText: text,
  licenseComments: text,
  licenseConcluded: text,
})

const purposes = [
  'APPLICATION',
  'ARCHIVE',
  'CONTAINER',
  'DEVICE',
  'FILE',
  'FIRMWARE',
  'FRAMEWORK',
  'INSTALL',
  'LIBRARY',
]
const externalReference = z.strictObject({
  referenceCategory: z.string().regex(/^(OTHER|SECURITY|PERSISTENT[-_]ID|PACKAGE[-_]MANAGER)$/),
  referenceLocator: z.string().min(1),
  referenceType: z.string().min(1),
  comment: text,
})
const packageElement = element.extend({
  name: z.string().min(1),
  downloadLocation: z.string().min(1),
  checksums: z.array(checksum).optional(),
  externalRefs: z.array(externalReference).optional(),
  filesAnalyzed: z.boolean().optional(),
  hasFiles: z.array(id).optional(),
  packageVerificationCode: z
    .strictObject({ packageVerificationCodeValue: z.string(), packageVerificationCodeExcludedFiles: texts })
    .optional(),
  primaryPackagePurpose: z.enum([...purposes, 'OPERATING-SYSTEM', 'OTHER', 'SOURCE']).optional(),
  ...{ builtDate: time.optional(), releaseDate: time.optional(), validUntilDate: time.optional() },
  ...{ description: text, homepage: text, licenseDeclared: text, licenseInfoFromFiles: texts, originator: text },
  ...{ packageFileName: text, sourceInfo: text, summary: text, supplier: text, versionInfo: text },
})

const fileTypes = ['APPLICATION', 'ARCHIVE', 'AUDIO', 'BINARY', 'DOCUMENTATION', 'IMAGE', 'OTHER', 'SOURCE', 'SPDX']
const fileElement = element.extend({
  fileName: z.string().min(1),
  // §8.4: a file is nothing without them.
  checksums: z.array(checksum).min(1),
  fileTypes: z.array(z.enum([...fileTypes, 'TEXT', 'VIDEO'])).optional(),
  artifactOfs: z.array(z.looseObject({})).optional(),
  ...{ fileContributors: texts, fileDependencies: texts, licenseInfoInFiles: texts, noticeText: text },
})

const pointer = z.strictObject({
  reference: id,
  offset: z.number().int().optional(),
  lineNumber: z.number().int().optional(),
})
const snippetElement = element.extend({
  snippetFromFile: z.string(),
  ranges: z.array(z.strictObject({ startPointer: pointer, endPointer: pointer })).min(1),
  ...{ name: text, licenseInfoInSnippets: texts },
})

/** §11.1. */
const relationshipTypes =
  `AMENDS ANCESTOR_OF BUILD_DEPENDENCY_OF BUILD_TOOL_OF CONTAINED_BY CONTAINS COPY_OF DATA_FILE_OF DEPENDENCY_MANIFEST_OF
  DEPENDENCY_OF DEPENDS_ON DESCENDANT_OF DESCRIBED_BY DESCRIBES DEV_DEPENDENCY_OF DEV_TOOL_OF DISTRIBUTION_ARTIFACT DOCUMENTATION_OF
  DYNAMIC_LINK EXAMPLE_OF EXPANDED_FROM_ARCHIVE FILE_ADDED FILE_DELETED FILE_MODIFIED GENERATED_FROM GENERATES HAS_PREREQUISITE
  METAFILE_OF OPTIONAL_COMPONENT_OF OPTIONAL_DEPENDENCY_OF OTHER PACKAGE_OF PATCH_APPLIED PATCH_FOR PREREQUISITE_FOR
  PROVIDED_DEPENDENCY_OF REQUIREMENT_DESCRIPTION_FOR RUNTIME_DEPENDENCY_OF SPECIFICATION_FOR STATIC_LINK TEST_CASE_OF
  TEST_DEPENDENCY_OF TEST_OF TEST_TOOL_OF VARIANT_OF`.split(/\s+/)
const relationship = z.strictObject({
  spdxElementId: z.string(),
  relationshipType: z.enum(relationshipTypes),
  relatedSpdxElement: z.string(),
  comment: text,
})

const crossReference = z.strictObject({
  url: z.string(),
  ...{ isLive: z.boolean().optional(), isValid: z.boolean().optional(), isWayBackLink: z.boolean().optional() },
  ...{ match: text, order: z.number().int().optional(), timestamp: time.optional() },
})
const licence = z.strictObject({
  licenseId: z.string(),
  extractedText: z.string(),
  crossRefs: z.array(crossReference).optional(),
  ...{ comment: text, name: text, seeAlsos: texts },
})

export const SpdxDocument = z.strictObject({
  $schema: text,
  spdxVersion: z.enum(['SPDX-2.2', 'SPDX-2.3']),
  dataLicense: z.literal('CC0-1.0'),
  SPDXID: z.literal('SPDXRef-DOCUMENT'),
  name: z.string().min(1),
  documentNamespace: z.url().regex(/^[^#]+$/, 'holds "#"'),
  creationInfo: z.strictObject({
    created: time,
    creators: z.array(z.string().regex(/^(Person|Organization|Tool): ./)).min(1),
    ...{ comment: text, licenseListVersion: text },
  }),
  packages: z.array(packageElement).default([]),
  files: z.array(fileElement).default([]),
  snippets: z.array(snippetElement).default([]),
  documentDescribes: z.array(z.string()).default([]),
  relationships: z.array(relationship).default([]),
  annotations: z.array(annotation).optional(),
  comment: text,
  externalDocumentRefs: z
    .array(
      z.strictObject({
        externalDocumentId: z.string().regex(/^DocumentRef-[A-Za-z0-9.+-]+$/),
        spdxDocument: z.string(),
        checksum,
      }),
    )
    .default([]),
  hasExtractedLicensingInfos: z.array(licence).optional(),
  revieweds: z.array(z.strictObject({ reviewDate: time, reviewer: text, comment: text })).optional(),
})
export type SpdxDocument = z.infer<typeof SpdxDocument>
