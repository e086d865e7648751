import { Option, type Command } from 'commander'
import type { SignerName } from '../../domain/trust/signer-order.js'
import { SignerAnswer } from '../api-answers.js'
import { ServerRefusal } from '../api-client.js'
import { defineCommand, defineGroup, sessionOf, type CommonOptions } from '../command-shape.js'
import { countText, timeText } from '../quantity-text.js'
import type { World } from '../session.js'
import type { Output } from '../terminal.js'

interface StatusOptions extends CommonOptions {
  readonly process?: SignerName
}

/** `signer`: the two processes that hold the keys. What they are ordered to do is a ceremony. */
export function addSignerCommands(program: Command, world: World): void {
  const group = defineGroup(program, 'signer', 'the processes that hold the keys')
  defineCommand(
    group,
    'status',
    'what the signers hold and whether they serve; with --process and --json, what an order is made from',
    'signer status --process release --json > status.json',
  )
    .addOption(new Option('--process <name>', 'only this one').choices(['release', 'online']))
    .action((options: StatusOptions) => status(world, options))
}

async function status(world: World, options: StatusOptions): Promise<void> {
  const { api, output } = sessionOf(world, options)
  if (options.process !== undefined) {
    const answer = await api.get(`/signers/${options.process}`, SignerAnswer)
    printSigner(output, answer, world.clock.nowSeconds())
    output.result(answer)
    return
  }
  const answers: SignerAnswer[] = []
  const silent: ServerRefusal[] = []
  for (const process of ['release', 'online'] as const)
    try {
      const answer = await api.get(`/signers/${process}`, SignerAnswer)
      printSigner(output, answer, world.clock.nowSeconds())
      answers.push(answer)
    } catch (error) {
      // One that is down hides nothing of the other.
      if (!(error instanceof ServerRefusal) || error.code !== 'SIGNER_UNAVAILABLE') throw error
      output.alarm(`${process} signer: does NOT ANSWER`)
      silent.push(error)
    }
  output.result(answers)
  if (silent[0] !== undefined) throw silent[0]
}

function printSigner(output: Output, signer: SignerAnswer, now: number): void {
  const { process } = signer
  output.line(`${process} signer: root ${signer.rootVersion}, policy ${signer.policyVersion}, KRL ${signer.krlNumber}`)
  output.line(`  last time seen ${timeText(signer.lastSeen)}; ${signer.keyIds.length} keys in its token`)
  for (const [classId, sequence] of Object.entries(signer.sequences))
    output.line(`  class ${classId}: signed up to sequence ${countText(sequence)}`)
  if (!signer.sandboxed) output.alarm('  it runs WITHOUT A SANDBOX')
  if (signer.lastSeen > now) {
    output.alarm(`  its last time seen is ahead of this machine's clock: it may refuse with CLOCK_BEHIND`)
    output.line(`  next: countersign ceremony clock-reset propose --process ${process} --status FILE --out FILE`)
  }
  if (!signer.suspended) return
  output.alarm(`  SUSPENDED: its state may be a copy or an older one put back (suspension ${signer.suspensionId})`)
  output.line(`  next: countersign ceremony resume-signer propose --process ${process} --status FILE --out FILE`)
}
