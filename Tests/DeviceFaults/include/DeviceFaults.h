/* Faults of a device's machine, for a process into which this library is loaded first (LD_PRELOAD).
 *
 * FULLSYNC_FAULT_FOLDER   below which files the process may fail to write
 * FULLSYNC_FAULT_KILL     in front of which change of a file there it is killed, from 1; a write is half done by then
 * FULLSYNC_FAULT_ROOM     how many bytes fit into files there until the disk is full
 * FULLSYNC_FAULT_REFUSED  how many changes a full disk refuses until there is room again
 * FULLSYNC_FAULT_CLOCK    by how many seconds the clock is wrong
 */
#ifndef DEVICE_FAULTS_H
#define DEVICE_FAULTS_H
#endif
