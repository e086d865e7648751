import type { Command } from 'commander'
import { toHex } from '../../domain/bytes.js'
import type { AuditedAct } from '../../domain/signer-journal/journal-audit.js'
import { defineCommand, defineGroup, type CommonOptions } from '../command-shape.js'
import { checkJournal, type CheckedJournal } from '../journal-check.js'
import { readLocalFile } from '../local-file.js'
import { timeText } from '../quantity-text.js'
import type { World } from '../session.js'
import { Output } from '../terminal.js'

interface VerifyOptions extends CommonOptions {
  readonly root: string
}

/** `journal`: what a signer wrote down before it signed. Needs the file and root 1, and no server. */
export function addJournalCommands(program: Command, world: World): void {
  const group = defineGroup(program, 'journal', "a signer's own record of what it signed, and for whom")
  defineCommand(
    group,
    'verify <file>',
    'follow the chain of hashes, verify every signature in it, and print what was signed by which approvals',
    'journal verify /var/lib/countersign/state/journal --root root-1.cbor',
  )
    .requiredOption('--root <file>', 'root 1 of the namespace, which the signer was started with')
    .action((file: string, options: VerifyOptions) => {
      const output = new Output(world.terminal, options.json === true)
      const journal = checkJournal(file, readLocalFile(options.root))
      print(output, journal)
    })
}

function print(output: Output, journal: CheckedJournal): void {
  const { namespace, process, acts, starts, assignments, freshnessStatements, isSuspended, head } = journal
  for (const act of acts) output.lines(linesOf(act))
  output.lines([
    `the journal of the ${process} signer of ${namespace} holds: ${head.index} records, ${starts} starts, ${acts.length} acts of people`,
    ...(process === 'online' ? [`${assignments} assignments, ${freshnessStatements} freshness statements`] : []),
    ...(isSuspended ? ['the signer is suspended: its state is a copy, or an older one put back'] : []),
    `it ends with record ${head.index - 1}, sha256 ${toHex(head.sha256)}`,
  ])
  output.result({
    namespace,
    process,
    records: head.index,
    headSha256: toHex(head.sha256),
    starts,
    assignments,
    freshnessStatements,
    isSuspended,
    acts,
  })
}

const linesOf = (act: AuditedAct): string[] => [
  `${timeText(act.time)}  ${act.operation}  ${act.what === '' ? act.subject : act.what}${remarkOf(act)}`,
  ...(act.keyId === '' ? [] : [`  digest ${act.subject}`, `  key ${act.keyId}`]),
  `  request ${act.requestId}, approved by ${act.approvals.map(({ person, role }) => `${person} (${role})`).join(', ')}`,
]

function remarkOf({ isBreakGlass, outcome }: AuditedAct): string {
  const remarks = [
    ...(isBreakGlass ? ['ALARM: break-glass'] : []),
    ...(outcome === 'unknown' ? ['outcome unknown'] : []),
  ]
  return remarks.length === 0 ? '' : `  ${remarks.join(', ')}`
}
