import { type ErrorCode, OperatorError } from '../base/errors.ts'

/** A refusal that says something in its headers too. */
export class Denied extends OperatorError {
  readonly headers: Readonly<Record<string, string>>

  constructor(
    code: ErrorCode,
    message: string,
    remedy: string,
    headers: Readonly<Record<string, string>>,
  ) {
    super(code, message, remedy)
    this.headers = headers
  }
}
