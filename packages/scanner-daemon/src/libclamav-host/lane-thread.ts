import { serveLane } from './lane.js';

serveLane();
