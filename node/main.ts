#!/usr/bin/env node
/** Runs the command line. */
import { run } from './cli/program.ts'

process.exitCode = await run(process.argv.slice(2))
