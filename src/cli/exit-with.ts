/** Says which exit code a command ends with that has said everything else; the program hands it to the shell. */
export class ExitWith extends Error {
  constructor(readonly exitCode: number) {
    super(`exit ${exitCode}`)
  }
}
