import { parentPort, workerData } from 'node:worker_threads'
import { LogThread } from './log-thread.ts'

// Entry point of the log thread: in the package a file of its own beside the agent's.
new LogThread(parentPort!, workerData)
