import type { Command } from 'commander'
import { z } from 'zod'
import { toHex } from '../../domain/bytes.js'
import { Refusal } from '../../domain/refusal.js'
import { versionToIntegers } from '../../domain/suit/version.js'
import { requireAgreement, requireTarget } from '../../inspect/agreement.js'
import { AnyListAnswer, FirmwareAnswer, listOf } from '../api-answers.js'
import {
  defineCommand,
  defineGroup,
  pagingOf,
  segment,
  sessionOf,
  withKey,
  wholeNumber,
  withPaging,
  withYes,
  type CommonOptions,
  type ConfirmOptions,
  type ListOptions,
} from '../command-shape.js'
import { findTargets, requireClass } from '../device-class.js'
import { fetchEmbeddedKeys, readEmbeddedKey } from '../embedded-key-file.js'
import { describeFindings } from '../findings-text.js'
import type { Findings } from '../../inspect/findings.js'
import { ExitWith } from '../exit-with.js'
import { inspectHere } from '../firmware-inspection.js'
import { hashDownload, hashFile, requireImage, type HashedImage } from '../firmware-bytes.js'
import { describeEvidence, EvidenceAnswer, listEvidence } from '../evidence-text.js'
import { uploadFirmware } from '../firmware-upload.js'
import { countText, sizeText, timeText } from '../quantity-text.js'
import { readLocalFile } from '../local-file.js'
import { addUploads } from './firmware-uploads.command.js'
import { confirm, type KeyOptions, type Session, type World } from '../session.js'
import { signSubmission } from '../submission.js'
import { Output } from '../terminal.js'
import { requirePolicy } from '../trust-store.js'

interface SubmitOptions extends CommonOptions, KeyOptions {
  readonly version: string
  readonly class: string
}

/** `firmware`: bytes, and the engineer's signature over what they are. */
export function addFirmwareCommands(program: Command, world: World): void {
  const group = defineGroup(program, 'firmware', 'uploaded bytes and what engineers signed about them')
  withSubmission(
    defineCommand(
      group,
      'upload <file>',
      'hash a file here, upload it (going on after a cut connection), and sign a submission for it',
      'firmware upload gateway-1.4.0.bin --version 1.4.0 --class gateway/r2/prod --key engineer-1.key',
    ),
  ).action((file: string, options: SubmitOptions) => upload(world, file, options))
  withSubmission(
    defineCommand(
      group,
      'submit <digest>',
      'sign a submission for bytes that are there already, after fetching and hashing them again',
      'firmware submit 9f86d081… --version 1.4.0 --class gateway/r2/prod --key engineer-1.key',
    ),
  ).action((digest: string, options: SubmitOptions) => submitUploaded(world, digest, options))
  addUploads(group, world)
  addAttach(group, world)
  addPrune(group, world)
  withPaging(defineCommand(group, 'list', 'uploaded firmware', 'firmware list --limit 20')).action(
    (options: ListOptions) => list(world, options),
  )
  addInspect(group, world)
  defineCommand(group, 'show <digest>', 'one firmware with its submissions', 'firmware show 9f86d081…').action(
    async (digest: string, options: CommonOptions) => {
      const session = sessionOf(world, options)
      const row = await session.api.get(`/firmware/${segment(digest)}`, FirmwareAnswer)
      const evidence = await listEvidence(session.api, digest)
      printFirmware(session, { ...row, evidence })
      session.output.lines(describeEvidence(evidence).map((line) => `  ${line}`))
    },
  )
}

function addAttach(group: Command, world: World): void {
  defineCommand(
    group,
    'attach <digest> <file>',
    'bring what speaks for a firmware: an SBOM (CycloneDX, SPDX), a signed provenance (DSSE), a test report',
    'firmware attach 9f86d081… sbom.cdx.json',
  ).action(async (digest: string, file: string, options: CommonOptions) => {
    const session = sessionOf(world, options)
    const bytes = readLocalFile(file, MAX_EVIDENCE_BYTES)
    const evidence = await session.api.postBytes(`/firmware/${segment(digest)}/evidence`, bytes, EvidenceAnswer)
    session.output.lines([`attached ${evidence.format}: ${evidence.id}`, ...describeEvidence([evidence])])
    session.output.result(evidence)
  })
}

const MAX_EVIDENCE_BYTES = 4_194_304

interface PruneOptions extends CommonOptions, ConfirmOptions {
  readonly unusedDays: number
  readonly dryRun?: boolean
}

function addPrune(group: Command, world: World): void {
  withYes(
    defineCommand(
      group,
      'prune',
      'give up firmware that no release needs and nobody used for so long',
      'firmware prune --unused-days 180 --dry-run',
    ),
  )
    .requiredOption('--unused-days <days>', 'days since it was last uploaded, submitted or made a release of', days)
    .option('--dry-run', 'only say what would go')
    .action((options: PruneOptions) => prune(world, options))
}

const days = wholeNumber(1, 36_500)
const Pruned = z.looseObject({ items: z.array(z.looseObject({ sha256: z.string(), sizeBytes: z.number() })) })

async function prune(world: World, options: PruneOptions): Promise<void> {
  const session = sessionOf(world, options)
  const { unusedDays } = options
  const ask = (isDryRun: boolean): Promise<z.infer<typeof Pruned>> =>
    session.api.post('/firmware/prune', { unusedDays, isDryRun }, Pruned)
  const preview = await ask(true)
  const { items } = preview
  for (const row of items) session.output.line(`${row.sha256}  ${sizeText(row.sizeBytes)}`)
  const sizeBytes = items.reduce((sum, row) => sum + row.sizeBytes, 0)
  session.output.line(`${countText(items.length)} firmware, ${sizeText(sizeBytes)}`)
  if (options.dryRun === true || items.length === 0) {
    session.output.result(preview)
    return
  }
  await confirm(world, options.yes, 'Give these bytes up?')
  const done = await ask(false)
  session.output.line(`gave up ${countText(done.items.length)} firmware`)
  session.output.result(done)
}

interface InspectOptions extends CommonOptions {
  readonly embeddedKey?: readonly string[]
}
const collect = (file: string, before: readonly string[] = []): readonly string[] => [...before, file]

function addInspect(group: Command, world: World): void {
  defineCommand(
    group,
    'inspect <file>',
    'say what a file is by its content, on this machine, without a server',
    'firmware inspect gateway-1.4.0.raucb --embedded-key release-ca.pem',
  )
    .option('--embedded-key <file>', "public key or CA's certificate that the signature inside has to be of", collect)
    .action(async (file: string, options: InspectOptions) => {
      const keys = (options.embeddedKey ?? []).map(readEmbeddedKey)
      const findings = await inspectHere(file, keys, world.clock.nowSeconds())
      const output = new Output(world.terminal, options.json === true)
      output.lines(describeFindings(findings))
      output.result(findings)
      if (isWrong(findings, keys.length > 0)) throw new ExitWith(1)
    })
}

/** Whoever names a key wants a signature of it. */
const isWrong = ({ state, signature }: Findings, hasKeys: boolean): boolean =>
  state !== 'whole' || signature.state === 'invalid' || (hasKeys && signature.state !== 'verified')

const withSubmission = (command: Command): Command =>
  withKey(command)
    .requiredOption('--version <version>', 'such as 1.4.0 or 1.4.0-rc.1')
    .requiredOption('--class <class>', 'class id, or model/hardware-revision/environment')

async function upload(world: World, file: string, options: SubmitOptions): Promise<void> {
  const session = sessionOf(world, options)
  versionToIntegers(options.version)
  const held = await session.refreshTrust()
  const classId = requireClass(requirePolicy(held), options.class)
  const image = await hashFile(file, world.terminal)
  session.output.line(`${file}: ${sizeText(image.sizeBytes)}, sha256 ${image.sha256}`)
  const keys = await fetchEmbeddedKeys(session.api)
  const findings = await inspectHere(file, keys, world.clock.nowSeconds())
  requireAgreement(findings, options.version, requirePolicy(held).limits)
  // The server holds target and class against each other too; here it costs no upload.
  const targets = findings.target === null ? null : await findTargets(session.api, classId)
  if (targets !== null) requireTarget(findings, targets)
  const stored = await uploadFirmware(session, file, image)
  requireImage(image, stored)
  await submit(session, image, classId, options)
}

async function submitUploaded(world: World, digest: string, options: SubmitOptions): Promise<void> {
  const session = sessionOf(world, options)
  if (!/^[0-9a-f]{64}$/.test(digest))
    throw new Refusal('REQUEST_INVALID', { field: 'digest', why: 'not 64 lower-case hex digits' })
  versionToIntegers(options.version)
  const held = await session.refreshTrust()
  const classId = requireClass(requirePolicy(held), options.class)
  const said = await session.api.get(`/firmware/${digest}`, FirmwareAnswer)
  const image = await hashDownload(session.api, world.terminal, digest, said.sizeBytes)
  // Against what the person typed, not against what the server answered.
  requireImage(image, { sha256: digest, sizeBytes: said.sizeBytes })
  session.output.line(`fetched and hashed here: ${sizeText(image.sizeBytes)}, sha256 ${image.sha256}`)
  await submit(session, image, classId, options)
}

async function submit(
  session: Session,
  image: HashedImage,
  classId: Uint8Array,
  options: SubmitOptions,
): Promise<void> {
  const { person, answer } = await signSubmission(session, { image, classId, version: options.version }, options)
  session.output.lines([
    `submitted as ${person}: version ${options.version}, class ${toHex(classId)}`,
    `request ${answer.requestId}`,
    `next: countersign release create --request ${answer.requestId}`,
  ])
  session.output.result({ ...answer, sha256: image.sha256, sizeBytes: image.sizeBytes })
}

async function list(world: World, options: ListOptions): Promise<void> {
  const session = sessionOf(world, options)
  const answer = await session.api.get(`/firmware${pagingOf(options)}`, listOf(FirmwareAnswer))
  for (const row of answer.items)
    session.output.line(
      `${row.sha256}  ${sizeText(row.sizeBytes)}${[...originOf(row)].map((text) => `, ${text}`).join('')}`,
    )
  session.output.result(AnyListAnswer.parse(answer))
}

/** When it came, by whom, and whether its bytes are still there. */
function originOf({ uploadedAt, uploadedBy, prunedAt }: FirmwareAnswer): string[] {
  return [
    ...(uploadedAt === undefined ? [] : [`uploaded ${timeText(uploadedAt)} by ${uploadedBy ?? '?'}`]),
    ...(typeof prunedAt === 'number' ? [`its bytes were given up ${timeText(prunedAt)}`] : []),
  ]
}

function printFirmware(session: Session, row: FirmwareAnswer): void {
  session.output.line(`${row.sha256}  ${sizeText(row.sizeBytes)}`)
  session.output.lines(originOf(row).map((line) => `  ${line}`))
  session.output.lines(describeFindings(row['findings']).map((line) => `  ${line}`))
  for (const one of row.submissions ?? []) {
    const { requestId, version, submitter } = one as { requestId: string; version?: unknown; submitter?: unknown }
    session.output.line(`  request ${requestId}: version ${String(version)}, by ${String(submitter)}`)
  }
  session.output.result(row)
}
